"""The contracts that adapters fulfil. Nothing here runs.

A sink or source module declares one constant, `SINK` or `SOURCE`, that names its settings and its class.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control, Envelope, Message, Sealed
from beats.kernel.errors import ClosedError
from beats.kernel.last_values import CaughtUp
from beats.kernel.plugins import resolve
from beats.kernel.stats import Loss, Stats


class ClockStep(NamedTuple):
    """A step of the wall clock: it was set, or the machine slept."""

    steady_unix_ns: int
    """When the step was noticed, by steady time."""
    before_unix_ns: int
    """What the wall clock would have shown without the step."""
    after_unix_ns: int
    """What the wall clock showed."""


class Clock(Protocol):
    """Tells the time; a port, so that tests can set it.

    The wall clock is what people read, and may be set at any time: it dates what was captured, and names
    files. Steady time never steps: it dates what comes onto the bus, and durations are measured by it.
    """

    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC by the wall clock."""
        ...

    def steady_unix_ns(self) -> int:
        """The wall clock's time at the start of the process plus the time since then: never steps."""
        ...

    def read(self) -> tuple[int, int]:
        """Both times, the wall clock's first. A step of the wall clock is noticed here."""
        ...

    def steps(self) -> Sequence[ClockStep]:
        """The last steps of the wall clock that were noticed, oldest first."""
        ...


class Codec(Protocol):
    """Encodes messages, in two steps.

    The slow one, `prepare`, runs before the message is numbered under the publisher's lock, so that producers
    on several threads do not wait for each other's encoding.
    """

    def prepare(self, message: Message) -> Any:
        """Check and convert a message; the result is only for `seal`.

        Raises:
            TypeError, ValueError: the message holds something that cannot be encoded; says what.
        """
        ...

    def seal(self, prepared: Any, sequence: int, captured_unix_ns: int) -> bytes:
        """The encoded bytes of a prepared message with its sequence number and capture time."""
        ...

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """The same bytes with another sequence number; `before` is the one that they have."""
        ...


class Batches(Protocol):
    """A sink's side of its queue: batches of envelopes in order of publication.

    Asking for the first batch tells the kernel that the sink has opened what it needs. Asking for the next
    one says that the last was delivered; what a sink holds when it raises is counted as lost. Iteration ends
    when the queue is closed and empty, or when another sink takes over the queue.
    """

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        """Wait for at least one envelope; take at most `max_items`, all that wait when None.

        When more waits than the queue's bounds allow, because it was given back, a batch holds no more than
        the bounds. With 0 it takes nothing, and only waits for the end. An empty list means that nothing more
        will come for this sink. A cancelled call takes nothing.
        """
        ...

    def give_back(self, envelopes: Sequence[Envelope]) -> None:
        """Let envelopes that were taken and not delivered wait again, before all others.

        The next attempt after a restart gets them, or the sink that takes over. What else was taken counts as
        delivered.
        """
        ...

    def catch_up(self) -> CaughtUp:
        """Take all that waits, as `take` would, together with the last values of the bus at that instant.

        Never waits. For a sink that starts, that gets a new viewer, or whose queue dropped something: last
        values include what the queue dropped. The batch is added to what the sink holds. After a failure,
        what was given back may be more than one batch holds.
        """
        ...

    def losses(self) -> tuple[Loss, ...]:
        """What the queue dropped since the last call, by reason and topic."""
        ...

    def written(self, envelopes: Sequence[Envelope]) -> None:
        """Say that these envelopes were written now, for the latency; optional.

        They are in order of publication. What counts as delivered does not depend on it.
        """
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> list[Envelope]:
        """`take()`, until nothing more will come."""
        ...


class Publish(Protocol):
    """A source's side of the bus."""

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a coroutine and return the sequence number; waits only for `block` queues.

        Raises:
            TypeError, ValueError: the message cannot be encoded.
            QueueFull: a queue with the strategy `error`, or `block` after its time, refused it.
            ClosedError: the kernel has shut down.
        """
        ...

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Publish, from a coroutine, what was on a bus before, and return the sequence number.

        It keeps its number as long as numbers rise; with `renumber` it gets the next one of its topic.

        Raises:
            QueueFull, ClosedError: as `__call__`.
        """
        ...

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Publish from a thread other than the event loop's.

        A cancelled source must end its threads: `anyio.to_thread.run_sync` waits for the thread, which must
        call `anyio.from_thread.check_cancelled` regularly.
        """
        ...


class Sink(Protocol):
    """Consumes envelopes. One object serves the sink's whole life; `run` is called again after a failure."""

    async def run(self, queue: Batches) -> None:
        """Open resources, consume `queue` until it ends, close them. Cancellation leaves nothing behind."""
        ...


class Source(Protocol):
    """Produces envelopes."""

    async def run(self, publish: Publish) -> None:
        """Publish until done. Returning means that nothing more will come.

        Raises:
            InputError: the input is unusable and a restart would not help. After any other error, it is
                restarted.
        """
        ...


class TakeStats(Protocol):
    """Returns the counters of the whole kernel; any thread may call it."""

    def __call__(self, *, clients: bool = True) -> Stats:
        """All counters. Without `clients` the cost does not depend on their number."""
        ...


_T = TypeVar("_T")


def _no_stats(*, clients: bool = True) -> Stats:
    return Stats(0, 0, (), ())


async def _no_bus(message: Message) -> int:
    raise ClosedError("there is no bus")


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter may know of the kernel that runs it."""

    name: str
    """The adapter's name in the settings."""
    profile: str
    """The profile's name."""
    clock: Clock
    control: Callable[[Control], None]
    """Puts a client's command on the bus; never raises."""
    commands: Mapping[str, CommandCheck] = field(default_factory=lambda: MappingProxyType({}))
    """The commands that sources and sinks take now, besides those of the wire."""
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """The sources and sinks of the profile as plain values with secrets masked, for the recorder."""
    stats: TakeStats = field(default=_no_stats)
    """The counters of the whole kernel."""
    last_values: Callable[[], Sequence[Envelope]] = tuple
    """The newest published envelope of each topic of this kernel's bus; any thread may call it."""
    publish: Callable[[Message], Awaitable[int]] = field(default=_no_bus)
    """Publishes a message of a sink's own, such as a preview; a source has `Publish`, which counts. A sink
    must go on taking envelopes meanwhile: its own queue may be full. Raises as `Publish`."""
    services: Mapping[type[Any], Any] = field(default_factory=lambda: MappingProxyType({}))
    """What else the run offers to its adapters, by class; see `service`."""

    def service(self, kind: type[_T]) -> _T:
        """The object of a class that all adapters of this run share, such as its pool of encoders.

        Raises:
            LookupError: the run has none.
        """
        found: _T | None = self.services.get(kind)
        if found is None:
            raise LookupError(f"{self.name!r} needs a {kind.__qualname__}, which this run does not offer")
        return found


@dataclass(frozen=True, slots=True)
class SinkKind:
    """A sink module's constant `SINK`."""

    settings: type[Any]
    """The typed settings; unknown keys are refused. With a method `resources` (see `NeedsResources`) they
    say what the sink needs to start."""
    sink: str | Callable[[Any, Context], Sink]
    """The class, or its name as "package.module:Class", which is imported when the first sink is built. It
    is called with valid settings and the context, and does no I/O."""
    summary: str
    """One line for `beats adapters`."""
    adjustable: frozenset[str] = frozenset()
    """The settings that can change while the sink runs, besides `queue`."""
    env_aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Short environment variables, each with the setting that it sets, as a key below the sink's table."""
    metrics: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What each of its own metrics says, in a sentence, by the names that `Measures.metrics` returns."""
    docs: str = ""
    """Where more is written about it: a page of `beats docs`, such as "queues#tuning", or a URL."""

    def build(self, settings: Any, context: Context) -> Sink:
        """A sink with these settings; no I/O.

        Raises:
            MissingPackageError: it needs a package that is not installed.
            TypeError: `sink` names nothing that can be called.
        """
        made: Sink = resolve(self.sink)(settings, context)
        return made


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A source module's constant `SOURCE`."""

    settings: type[Any]
    """As `SinkKind.settings`."""
    source: str | Callable[[Any, Context], Source]
    """As `SinkKind.sink`."""
    summary: str
    """One line for `beats adapters`."""
    metrics: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """As `SinkKind.metrics`."""
    docs: str = ""
    """As `SinkKind.docs`."""

    def build(self, settings: Any, context: Context) -> Source:
        """A source with these settings; no I/O.

        Raises:
            MissingPackageError, TypeError: as `SinkKind.build`.
        """
        made: Source = resolve(self.source)(settings, context)
        return made
