"""The contracts that adapters fulfil. Nothing here runs.

A sink or source module declares one constant, `SINK` or `SOURCE`, that tells the kernel which settings
it takes and how to build it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

from beats.kernel.envelope import Control, Envelope, Message
from beats.kernel.stats import ClientStats, ClientTotals


class Clock(Protocol):
    """Where wall-clock time comes from, so that tests can say what time it is."""

    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...


class Codec(Protocol):
    """Turns a message into the bytes that travel, in two steps.

    The costly one, `prepare`, runs before the message has its place in the order of publication, so that
    producers on several threads do not wait for each other's encoding.
    """

    def prepare(self, message: Message) -> Any:
        """Check and convert a message; the result is for `seal` alone.

        Raises:
            TypeError, ValueError: the message holds something that cannot be encoded; says what.
        """
        ...

    def seal(self, prepared: Any, sequence: int, captured_unix_ns: int) -> bytes:
        """The encoded bytes of a prepared message with its place and time."""
        ...


class Batches(Protocol):
    """A sink's side of its queue: batches of envelopes in order of publication.

    Asking for the first batch tells the kernel that the sink has opened what it needs. Asking for the next
    one says that the last was delivered: what a sink holds when it raises is counted as lost. Iteration
    ends when the queue was closed and nothing waits.
    """

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        """Wait for at least one envelope; take at most `max_items`, all that wait when None.

        An empty list means that the queue is closed and drained.
        """
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> list[Envelope]:
        """`take()`, until the queue is closed and drained."""
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

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """The same from a thread other than the event loop's.

        A source that publishes from a thread ends it when it is cancelled: `anyio.to_thread.run_sync`
        waits for the thread, which asks `anyio.from_thread.check_cancelled` now and then.
        """
        ...


class Sink(Protocol):
    """Consumes envelopes. One object serves the sink's whole life; `run` is called again after a failure."""

    async def run(self, queue: Batches) -> None:
        """Open resources, consume `queue` until it ends, close them. Cancellation leaves nothing behind."""
        ...


class Address(NamedTuple):
    """Where clients connect."""

    host: str
    port: int
    encrypted: bool = False

    @property
    def url(self) -> str:
        """As a WebSocket address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.encrypted else 'ws'}://{host}:{self.port}"


@runtime_checkable
class Listens(Protocol):
    """A sink that listens on a port also tells where."""

    @property
    def address(self) -> Address | None:
        """None until it listens."""
        ...


@runtime_checkable
class ServesClients(Protocol):
    """A sink with viewers also tells of them; any thread may ask."""

    def clients(self) -> tuple[ClientStats, ...]:
        """Those that are connected."""
        ...

    def client_totals(self) -> ClientTotals:
        """All that ever were."""
        ...


class Source(Protocol):
    """Produces envelopes."""

    async def run(self, publish: Publish) -> None:
        """Publish until done. Returning means that nothing more will come.

        Raises:
            InputError: the input is unusable and a restart would not help. Anything else is retried.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter may know of the house it runs in."""

    name: str
    """The adapter's name in the settings."""
    profile: str
    """The profile's name."""
    clock: Clock
    control: Callable[[Control], None]
    """Puts a client's command on the bus; never raises."""


@dataclass(frozen=True, slots=True)
class SinkKind:
    """A sink module's constant `SINK`."""

    settings: type[Any]
    """The typed settings; unknown keys are refused."""
    build: Callable[[Any, Context], Sink]
    """Makes the sink from valid settings; no I/O."""
    summary: str
    """One line for `beats adapters`."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """A source module's constant `SOURCE`."""

    settings: type[Any]
    """The typed settings; unknown keys are refused."""
    build: Callable[[Any, Context], Source]
    """Makes the source from valid settings; no I/O."""
    summary: str
    """One line for `beats adapters`."""
