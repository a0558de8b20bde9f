"""The rows of the fan-out benchmark: what is run, which figures are shown, what was expected of ours."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tests.bench.peers import PEERS
from tests.bench.peers.trial import Case

Medians = Mapping[tuple[str, int], Mapping[str, float]]
"""By peer and number of clients, medians over the rounds, `times_…` included."""

_FLAT_OUT: Final = {"ours": 10, "foxglove": 5}
"""Who gets so many times more messages flat out, so that a run takes seconds for each of them: a short burst
shows how fast a server can buffer, not how fast it can send."""


class Column(NamedTuple):
    """A figure in the table: where from, how it is headed, how it is written."""

    key: str
    title: str
    form: str = "{:.2f}"
    scale: float = 1.0


class Target(NamedTuple):
    """What was expected, what it is, and whether that is as expected."""

    text: str
    value: str
    met: bool


class Row(NamedTuple):
    """One kind of work."""

    name: str
    title: str
    peers: tuple[str, ...]
    cases: tuple[Case, ...]
    columns: tuple[Column, ...]
    targets: Callable[[Medians], list[Target]]
    base: str | None = None
    """The peer that `cpu_us`, or `per_s` when flat out, is compared with in the same round: `times_base`."""

    def case_for(self, peer: str, case: Case) -> Case:
        """The same work; more of it for a peer that would be done too soon."""
        times = 1 if case.rate_hz or case.joining else _FLAT_OUT.get(peer, 1)
        return case._replace(messages=case.messages * times)


_LATENCY: Final = (Column("p50_ms", "p50 ms"), Column("p99_ms", "p99 ms"))
_LOST: Final = Column("lost", "lost %", "{:.1f}", 100.0)
_CPU: Final = (
    Column("cpu_us", "CPU µs/delivery"),
    Column("producer_us", "of it producer"),
    Column("times_base", "x bare"),
)


def rows(*, quick: bool) -> list[Row]:
    """All rows; small ones for a first look."""

    def seconds(rate_hz: float, duration_s: float) -> int:
        return round(rate_hz * (0.4 if quick else duration_s))

    many = (10, 50, 100) if quick else (50, 1000, 5000)
    viewers = (1, 10, 50) if quick else (1, 10, 100, 1000)
    flat_out = 1000 if quick else 20_000
    joining = 50 if quick else 1000
    return [
        Row(
            "frames",
            "20 kB x 60/s x 50 clients",
            PEERS,
            (Case(20_000, 60, 50, seconds(60, 2.5)),),
            (*_CPU, *_LATENCY, _LOST),
            _at_most_times_bare,
            "bare",
        ),
        Row(
            "updates",
            "120 B x 2,000/s x 50 clients",
            PEERS,
            (Case(120, 2000, 50, seconds(2000, 2)),),
            (*_CPU, *_LATENCY, _LOST),
            _at_most_times_bare,
            "bare",
        ),
        Row(
            "flatout",
            "120 B flat out x 20 clients",
            PEERS,
            (Case(120, 0, 20, flat_out, queue=flat_out * max(_FLAT_OUT.values())),),
            (
                Column("per_s", "M deliveries/s", "{:.3f}", 1e-6),
                Column("times_base", "x bare"),
                Column("cpu_us", "CPU µs/delivery"),
                Column("publish_us", "publish µs", "{:.1f}"),
                _LOST,
            ),
            _many_times_the_best,
            "bare",
        ),
        Row(
            "publish",
            "what a publish call costs, 20 kB x 60/s",
            ("ours",),
            tuple(Case(20_000, 60, clients, seconds(60, 3)) for clients in viewers),
            (
                Column("publish_us", "median µs", "{:.1f}"),
                Column("publish_p99_us", "p99 µs", "{:.1f}"),
                Column("publish_cpu_us", "CPU median µs", "{:.1f}"),
                Column("publish_cpu_p99_us", "CPU p99 µs", "{:.1f}"),
                Column("cpu_us", "CPU µs/delivery"),
                _LOST,
            ),
            _publish_level,
        ),
        Row(
            "many",
            "1 kB x 10/s, many clients",
            ("ours", "bare", "broadcast"),
            tuple(Case(1000, 10, clients, seconds(10, 3)) for clients in many),
            (
                *_LATENCY,
                Column("cpu_us", "CPU µs/delivery"),
                Column("times_base", "x bare"),
                Column("client_kb", "kB/client", "{:.1f}"),
                Column("connect_s", "connect s"),
                _LOST,
            ),
            _level_and_small,
            "bare",
        ),
        Row(
            "storm",
            "clients that come at once, until all have the latest message",
            ("ours", "broadcast"),
            (Case(1000, 0, joining, 0, joining=True),),
            (Column("connect_s", "all connected s"), Column("first_s", "all have it s")),
            _nothing,
        ),
    ]


def _nothing(_: Medians) -> list[Target]:
    """Reported, with nothing expected of it."""
    return []


def _only(medians: Medians, peer: str) -> Mapping[str, float]:
    for (name, _), figures in medians.items():
        if name == peer:
            return figures
    return {}


def _at_most_times_bare(medians: Medians) -> list[Target]:
    times = _only(medians, "ours").get("times_base")
    if times is None:
        return []
    return [Target("CPU per delivery <= 1.3 x bare socket loop", f"{times:.2f} x", times <= 1.3)]


def _many_times_the_best(medians: Medians) -> list[Target]:
    ours = _only(medians, "ours")
    peers = {name: figures["per_s"] for (name, _), figures in medians.items() if name not in ("ours", "bare")}
    if not ours or not peers:
        return []
    best = max(peers, key=lambda name: peers[name])
    times = ours["per_s"] / peers[best]
    uncounted = ours["uncounted"]
    return [
        Target(f">= 8 x the best peer ({best})", f"{times:.1f} x", times >= 8),
        Target(">= 2 million deliveries/s", f"{ours['per_s'] / 1e6:.2f} million/s", ours["per_s"] >= 2e6),
        Target("every message delivered or counted", f"{uncounted:.0f} unexplained", uncounted == 0),
    ]


def _publish_level(medians: Medians) -> list[Target]:
    cases = sorted(clients for _, clients in medians)
    if len(cases) < 2:
        return []
    one, all_ = medians["ours", cases[0]], medians["ours", cases[-1]]
    targets: list[Target] = []
    for key, name in (
        ("publish_us", "median"),
        ("publish_p99_us", "p99"),
        ("publish_cpu_us", "median of CPU time"),
        ("publish_cpu_p99_us", "p99 of CPU time"),
    ):
        times = all_[key] / one[key]
        text = f"publish {name}, {cases[-1]:,} clients <= 1.3 x one client"
        targets.append(Target(text, f"{times:.2f} x", times <= 1.3))
    return targets


def _level_and_small(medians: Medians) -> list[Target]:
    few, *more = sorted(clients for name, clients in medians if name == "ours")
    targets: list[Target] = []
    for clients in more:
        figures, start = medians["ours", clients], medians["ours", few]
        times = figures["cpu_us"] / start["cpu_us"]
        targets += [
            Target(
                f"CPU per delivery, {clients:,} clients, falls or stays level (<= 1.1 x {few})",
                f"{times:.2f} x",
                times <= 1.1,
            ),
            Target(
                f"memory, {clients:,} clients, <= 60 kB each",
                f"{figures['client_kb']:.1f} kB",
                figures["client_kb"] <= 60,
            ),
        ]
    return targets
