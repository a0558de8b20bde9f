"""Counters as immutable values that any thread can read at any time."""

from dataclasses import dataclass
from typing import NamedTuple

from beats.kernel.envelope import Kind


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of envelopes and the sum of their encoded bytes."""

    items: int = 0
    bytes: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """The sum."""
        return Amount(self.items + other.items, self.bytes + other.bytes)

    def minus(self, other: "Amount") -> "Amount":
        """The difference."""
        return Amount(self.items - other.items, self.bytes - other.bytes)


@dataclass(frozen=True, slots=True)
class DropStats:
    """What one cause took from one kind."""

    reason: str
    """The overflow strategy, or `too_large`, `failed`, `shutdown`, `closed`; for a viewer also `left` (what
    waited when it left) and `max_fps` (what it asked to be left out)."""
    kind: Kind
    items: int
    bytes: int


class Loss(NamedTuple):
    """What one cause took from one topic during some time: for a sink that writes down what it lacks."""

    reason: str
    """As `DropStats.reason`."""
    topic: str
    items: int
    bytes: int
    first_sequence: int
    """Of those that were lost, as they were lost; with `drop_newest` there may be others in between."""
    last_sequence: int
    first_unix_ns: int
    """When the first of them came onto the bus, as `Envelope.published_unix_ns`."""
    last_unix_ns: int


@dataclass(frozen=True, slots=True)
class QueueStats:
    """One queue at one instant: `offered == taken + dropped + waiting`, in items and in bytes."""

    name: str
    offered: Amount
    taken: Amount
    dropped: Amount
    waiting: Amount
    drops: tuple[DropStats, ...]
    """`dropped`, split by reason and kind."""
    high_water: int
    """The most envelopes that waited when the sink came to take, or now."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long envelopes took from the bus until the sink had written them."""

    bounds_s: tuple[float, ...]
    """Upper bounds, inclusive, of all classes but the last."""
    counts: tuple[int, ...]
    """Envelopes in each class: one more than there are bounds."""
    sum_s: float
    """All latencies added."""


@dataclass(frozen=True, slots=True)
class ClientStats:
    """One viewer of a sink."""

    id: int
    remote: str
    """Host and port of the other side, as text."""
    connected_unix_ns: int
    behind: bool
    """True while the client does not keep up and reads from a queue of its own."""
    queue: QueueStats
    """What it was offered, what was written to it, what it missed."""
    group: str = ""
    """The class of clients that it belongs to, as the sink has it."""


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """All viewers of one class that a sink ever had."""

    name: str
    """What they have in common: `full` (the whole stream), `chosen` (some kinds or topics), `thinned`
    (fewer frames)."""
    connected: int
    """Viewers now."""
    delivered: Amount
    """Written to them, those that left included."""
    waiting: Amount
    """In the queues of those that are behind."""
    drops: tuple[DropStats, ...]
    """Missed by them, those that left included, by reason and kind."""


@dataclass(frozen=True, slots=True)
class ClientTotals:
    """All viewers that a sink ever had."""

    connected: int
    """Viewers now."""
    accepted: int
    """Viewers since the start."""
    refused: int
    """Requests turned away before they became viewers."""
    stalled: int
    """Closed because they accepted no byte for too long."""
    overflowed: int
    """Closed with code 1013 because their queue was full and its strategy is `error`."""
    delivered: Amount
    """Written to viewers, those that left included."""
    dropped: Amount
    """Missed by viewers, those that left included."""
    groups: tuple[ClientGroup, ...] = ()
    """The same by class of viewer."""
    flooded: int = 0
    """Closed with code 1008 because they sent more than they may."""
    rejected_tokens: int = 0
    """Requests with an invalid token, or with any that came too soon after several of those."""


@dataclass(frozen=True, slots=True)
class SinkStats:
    """One sink."""

    name: str
    state: str
    """`starting`, `running`, `failed` (until it has restarted), `ended`, `stopped` (it was cancelled)."""
    restarts: int
    last_error: str
    queue: QueueStats
    clients: tuple[ClientStats, ...] = ()
    client_totals: ClientTotals | None = None
    """None for a sink that has no viewers, and where they were not asked for."""
    latency: Latency | None = None
    """From the bus to where it was written; None as long as the sink has not told of any writing."""
    figures: tuple[tuple[str, float], ...] = ()
    """What else the sink tells of itself: names, each with its unit in it, and values."""


@dataclass(frozen=True, slots=True)
class Playback:
    """Where a source is that plays something with a beginning and an end."""

    position_s: float
    """From the beginning."""
    duration_s: float
    speed: float
    """1 is as recorded; infinite is as fast as the sinks take it."""
    paused: bool
    loops: int
    """How often it has begun again."""


@dataclass(frozen=True, slots=True)
class SourceStats:
    """One source."""

    name: str
    state: str
    """As a sink's; `ended` when nothing more will come, `failed` for good when its input is unusable."""
    restarts: int
    last_error: str
    published: int
    playback: Playback | None = None
    """None for a source that plays nothing."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The whole kernel."""

    published: int
    """Envelopes put on the bus, by sources and by the program that embeds the kernel."""
    frames: int
    """Those of them that are frames."""
    sources: tuple[SourceStats, ...]
    sinks: tuple[SinkStats, ...]
    topics: int = 0
    """Topics that something was published to: as many last values are kept."""

    def failed(self) -> list[SourceStats | SinkStats]:
        """The sources and sinks that have failed and not come back."""
        parts: list[SourceStats | SinkStats] = [*self.sources, *self.sinks]
        return [part for part in parts if part.state == "failed"]
