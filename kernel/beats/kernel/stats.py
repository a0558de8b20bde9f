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
    """Drops of one kind for one reason."""

    reason: str
    """The overflow strategy, or `too_large`, `failed`, `shutdown`, `closed`; for a viewer also `left` (what
    waited when it left), `age` (older than its `max_age_s`), `max_fps` (what it asked to skip), `encoder`
    (what was not encoded for it in time), `format` (what it cannot show) and `unsubscribed` (what waited
    when a subscription of Foxglove's protocol ended)."""
    kind: Kind
    items: int
    bytes: int


class Loss(NamedTuple):
    """Drops of one topic for one reason during some time, for sinks that record their losses.

    Also what its producer gave up, which was never on the bus.
    """

    reason: str
    """The reason, as in `DropStats.reason` or `GivenUp.reason`."""
    topic: str
    items: int
    bytes: int
    first_sequence: int
    """Of the lost envelopes; with `drop_newest`, envelopes in between may not be lost. 0 if none of them was
    on the bus, and so none has a number."""
    last_sequence: int
    first_unix_ns: int
    """When the first of the lost envelopes was published, as `Envelope.published_unix_ns`."""
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
    """The most envelopes that waited when the sink took a batch, or now."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A histogram of the time from the bus until the sink has written an envelope."""

    bounds_s: tuple[float, ...]
    """Inclusive upper bounds of all classes but the last."""
    counts: tuple[int, ...]
    """Envelopes in each class: one more than there are bounds."""
    sum_s: float
    """All latencies added."""


@dataclass(frozen=True, slots=True)
class ClientStats:
    """One viewer of a sink."""

    id: int
    remote: str
    """Host and port of the client, as text."""
    connected_unix_ns: int
    behind: bool
    """Whether the client does not keep up and reads from its own queue."""
    queue: QueueStats
    """What it was offered, what was written to it, and what it missed."""
    group: str = ""
    """The client's class; see `ClientGroup.name`."""
    age_s: float | None = None
    """How old the stream is that the client reads: from when an envelope came onto the bus until the client
    acknowledged it, or until now if it has not. None for a client that acknowledges nothing."""
    round_trip_s: float | None = None
    """From a ping until the client's answer, with all that was on the way before the ping; None as above."""


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """All viewers of one class since the start of a sink."""

    name: str
    """The class: `full` (the whole stream), `chosen` (some kinds or topics), `thinned` (fewer frames),
    or what a sink calls viewers of another kind, such as `mjpeg` or `foxglove`."""
    connected: int
    """Viewers now."""
    delivered: Amount
    """Written to them, including those that left."""
    waiting: Amount
    """Waiting in the queues of those that are behind."""
    drops: tuple[DropStats, ...]
    """Missed by them, including those that left, by reason and kind."""
    age: Latency | None = None
    """A histogram of their `ClientStats.age_s` at each word of theirs; None until the first one."""
    round_trip: Latency | None = None
    """A histogram of their `ClientStats.round_trip_s`, likewise."""


@dataclass(frozen=True, slots=True)
class ClientTotals:
    """All viewers since the start of a sink."""

    connected: int
    """Viewers now."""
    accepted: int
    """Viewers since the start."""
    refused: int
    """Requests refused before they became viewers."""
    stalled: int
    """Closed because they accepted no data for too long."""
    overflowed: int
    """Closed with code 1013 because their queue was full and its strategy is `error`."""
    delivered: Amount
    """Written to viewers, including those that left."""
    dropped: Amount
    """Missed by viewers, including those that left."""
    groups: tuple[ClientGroup, ...] = ()
    """The totals by class of viewer."""
    flooded: int = 0
    """Closed with code 1008 because they sent more than allowed."""
    rejected_tokens: int = 0
    """Requests with an invalid token, or too soon after several of these."""
    silent: int = 0
    """Closed with code 1011 because they did not answer a ping in time."""


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
    """The totals of all viewers; None for a sink without viewers, and if clients were not requested."""
    latency: Latency | None = None
    """Time from the bus until written; None until the sink has reported a write."""
    figures: tuple[tuple[str, float], ...] = ()
    """Further metrics of the sink: names, each with its unit, and values."""


@dataclass(frozen=True, slots=True)
class Playback:
    """The position of a source that plays a recording."""

    position_s: float
    """Seconds from the beginning."""
    duration_s: float
    speed: float
    """1 is as recorded; infinite is as fast as the sinks accept it."""
    paused: bool
    loops: int
    """How often it has restarted from the beginning."""
    start_unix_ns: int = 0
    """When its beginning was recorded, by the wall clock; 0 when unknown."""


@dataclass(frozen=True, slots=True)
class SourceStats:
    """One source."""

    name: str
    state: str
    """As of a sink; also `ended` when nothing more comes, and `failed` for good if its input is unusable."""
    restarts: int
    last_error: str
    published: int
    playback: Playback | None = None
    """The position in a recording; None for a source that plays none."""
    figures: tuple[tuple[str, float], ...] = ()
    """The source's own metrics, as those of a sink."""


@dataclass(frozen=True, slots=True)
class PictureStats:
    """One picture."""

    topic: str
    """`frame` for the main one, `frame/` and its id for another."""
    published: Amount
    """The frames of the picture that were published so far."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """What a producer gave up before it came onto the bus; it has no sequence number."""

    reason: str
    """`encoder` (a newer one came before an encoder was free), `failed` (it could not be encoded or
    published), `every` and `on_change` (transforms of its source left it out) or `shutdown`."""
    topic: str
    items: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The whole kernel."""

    published: int
    """Envelopes published by sources and by the embedding program."""
    frames: int
    """How many of them are frames."""
    sources: tuple[SourceStats, ...]
    sinks: tuple[SinkStats, ...]
    topics: int = 0
    """Number of topics; a last value is kept for each."""
    given_up: tuple[GivenUp, ...] = ()
    """What never came onto the bus, by reason and topic."""
    pictures: tuple[PictureStats, ...] = ()
    """`frames` by picture, in the order in which they were first seen."""
    event_loop: str = ""
    """The event loop that it runs in: `asyncio`, `uvloop`, `trio`, …; empty before it runs."""
    started_unix_ns: int = 0
    """When it began to count, which tells one run from the next; 0 when unknown."""

    def failed(self) -> list[SourceStats | SinkStats]:
        """The sources and sinks that have failed and are not running again."""
        parts: list[SourceStats | SinkStats] = [*self.sources, *self.sinks]
        return [part for part in parts if part.state == "failed"]
