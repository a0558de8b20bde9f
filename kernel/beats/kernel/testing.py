"""Helpers for tests of adapters and of the kernel, and the contract that every adapter keeps.

The checks of the contract run an adapter as a run does, with real queues, and raise an `AssertionError` that
says what the adapter broke.
"""

import asyncio
import json
import os
import selectors
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import anyio

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import (
    FRAME_TOPIC,
    Envelope,
    Frame,
    Message,
    Peripheral,
    Sealed,
    kind_of_topic,
    topic_of,
)
from beats.kernel.ports import ClockStep, Codec, Context, Sink, SinkKind, Source, SourceKind
from beats.kernel.resources import NeedsResources, Resources
from beats.kernel.run.kernel import Kernel
from beats.kernel.waker import Waker

_NO_TIMER_S: Final = 24 * 3600.0
"""asyncio waits for at most a day, with or without a timer (base_events.MAXIMUM_SELECT_TIMEOUT)."""


class _JumpingSelector(selectors.DefaultSelector):
    """Jumps ahead in time where a loop would wait for its next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Time passes only when no socket and no call from another thread is ready."""
        if timeout is None or timeout >= _NO_TIMER_S:
            return super().select(None)  # no timer, so only a thread or a socket can wake the loop
        if timeout <= 0:
            return super().select(0)
        ready = super().select(0)
        if not ready:
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time stands still while a task can run, and jumps ahead when all wait.

    A test in it takes no real time, and each timeout ends at the exact second. The clock starts at 0. It is
    for code without threads, since time would jump while a thread works. (For trio, use
    `MockClock(autojump_threshold=0)`.)
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._jumping.now_s


class FixedClock:
    """A clock that stands still until a test sets it."""

    def __init__(self, unix_ns: int = 1_700_000_000_000_000_000) -> None:
        self.now_ns = unix_ns
        """The steady time, and the wall clock's until `set_ahead` is called."""
        self._ahead_ns = 0
        self._steps: list[ClockStep] = []

    def set_ahead(self, ahead_ns: int) -> None:
        """Set the wall clock this much ahead of steady time."""
        before_ns, self._ahead_ns = self.now_ns + self._ahead_ns, ahead_ns
        self._steps.append(ClockStep(self.now_ns, before_ns, self.unix_ns()))

    def unix_ns(self) -> int:
        """What the wall clock shows."""
        return self.now_ns + self._ahead_ns

    def steady_unix_ns(self) -> int:
        """The time that was set last."""
        return self.now_ns

    def read(self) -> tuple[int, int]:
        """Both."""
        return self.unix_ns(), self.now_ns

    def steps(self) -> Sequence[ClockStep]:
        """Each call of `set_ahead`."""
        return tuple(self._steps)


class PlainCodec:
    """A codec of readable JSON, for tests that need no wire format."""

    def prepare(self, message: Message) -> object:
        """A picture's bytes as they are; anything else as JSON."""
        if isinstance(message, Frame):
            return message.data
        return json.dumps(message.data).encode()

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        """The prepared bytes, without sequence number and time."""
        assert isinstance(prepared, bytes)
        return prepared

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """Return the bytes as they are: they hold no sequence number."""
        return encoded


def envelope(
    sequence: int = 1, *, topic: str = FRAME_TOPIC, encoded: bytes = b"x", unix_ns: int = 0
) -> Envelope:
    """An envelope as the publisher would make it."""
    if kind_of_topic(topic) == "frame":
        frame = Frame(encoded, topic[len(FRAME_TOPIC) + 1 :])
        return Envelope("frame", topic, sequence, unix_ns, unix_ns, frame, encoded)
    message = Peripheral(topic.removeprefix("peripheral/"), sequence)
    return Envelope("peripheral", topic, sequence, unix_ns, unix_ns, message, encoded)


class Published(NamedTuple):
    """One call of `publish`."""

    message: Message
    captured_unix_ns: int | None


class PublishRecorder:
    """A source's `publish` that keeps what the source published."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.forwarded: list[tuple[Sealed, bool]] = []
        """The arguments of each call of `forward`."""
        self._sequences: dict[str, int] = {}

    @property
    def messages(self) -> list[Message]:
        """The messages alone, in order."""
        return [item.message for item in self.published]

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        return self.from_thread(message, captured_unix_ns=captured_unix_ns)

    async def forward(self, sealed: Sealed, *, renumber: bool = False) -> int:
        """Keep the message and its arguments; number it as the real bus does."""
        self.forwarded.append((sealed, renumber))
        sequence = await self(sealed.message, captured_unix_ns=sealed.captured_unix_ns)
        if not renumber and sealed.sequence > sequence:
            sequence = self._sequences[topic_of(sealed.message)] = sealed.sequence
        return sequence

    def from_thread(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message."""
        self.published.append(Published(message, captured_unix_ns))
        topic = topic_of(message)
        self._sequences[topic] = self._sequences.get(topic, 0) + 1
        return self._sequences[topic]


def context(name: str = "it", services: Mapping[type[Any], Any] = MappingProxyType({})) -> Context:
    """A context for an adapter that is tested alone; its commands go nowhere."""
    return Context(name, "test", SystemClock(), lambda control: None, services=services)


_WAIT_S: Final = 20.0
"""Longest wait for an adapter to end, or to publish."""


def check_kind(kind: SinkKind | SourceKind, settings: object, told: Context | None = None) -> None:
    """Check what an adapter declares, and that building it does nothing yet.

    Args:
        kind: the constant `SINK` or `SOURCE`.
        settings: valid settings.
        told: what the adapter knows of the run; None for `context()`.

    Raises:
        AssertionError: the settings take unknown keys, or can be changed; or to tell its resources or to
            build it starts a thread, or opens or writes a file.
    """
    model = kind.settings
    assert kind.summary, "the summary is empty: `beats adapters` shows it"
    assert model.model_config.get("extra") == "forbid", (
        f"{model.__name__} accepts unknown keys: set extra to 'forbid'"
    )
    assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"
    before = _traces()
    found = settings.resources("test") if isinstance(settings, NeedsResources) else Resources()
    built = kind.build(settings, told or context())
    assert _traces() == before, "building it opens a file, writes one or starts a thread: do that in `run`"
    parts = (
        found.ports,
        found.inputs,
        found.outputs,
        found.claims,
        found.servers,
        found.packages,
        found.programs,
        found.doubts,
    )
    named = {each.key for part in parts for each in part}
    unknown = named - model.model_fields.keys()
    assert not unknown, f"resources names {sorted(unknown)}, which are not settings"
    assert callable(built.run)


def check_sink(
    make: Callable[[], Sink], messages: Sequence[Message], codec: Codec, metrics: Collection[str] = ()
) -> None:
    """Run a sink until its queue ends, and again until it is cancelled.

    Args:
        make: makes a sink; called for each of both runs.
        messages: what to publish, as in life; 40 are enough.
        codec: encodes them; `beats.proto.codec.StreamCodec` does so as a run does.
        metrics: the names that `SinkKind.metrics` explains.

    Raises:
        AssertionError: the sink left envelopes in its queue, did not end with it, has a metric that is not
            explained, or left a file or socket open.
        TimeoutError: it did not end within 20 s.
    """
    before = open_files()
    for cancel in (False, True):
        anyio.run(_run_sink, make(), messages, codec, metrics, cancel)
    _leaves_nothing(before)


async def _run_sink(
    sink: Sink, messages: Sequence[Message], codec: Codec, metrics: Collection[str], cancel: bool
) -> None:
    kernel = Kernel(codec)
    kernel.add_sink("it", sink)
    with anyio.fail_after(_WAIT_S):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            for message in messages:
                await kernel.publisher.publish_async(message)
            if cancel:
                group.cancel_scope.cancel()
            else:
                kernel.stop()
    (stats,) = kernel.stats().sinks
    offered, taken, dropped = (
        each.items for each in (stats.queue.offered, stats.queue.taken, stats.queue.dropped)
    )
    assert offered == len(messages) == taken + dropped, (
        f"of {offered} envelopes, {taken} were taken and {dropped} dropped"
    )
    assert cancel or stats.state == "ended", (
        f"it is {stats.state} after its queue has ended: {stats.last_error}"
    )
    assert cancel or taken == offered, f"it ended before it had taken all of its queue: {taken} of {offered}"
    _explains(metrics, stats.figures)


def check_source(make: Callable[[], Source], codec: Codec, metrics: Collection[str] = ()) -> None:
    """Run a source until it has published, and cancel it.

    Args:
        make: makes a source that publishes soon.
        codec: encodes what it publishes; `beats.proto.codec.StreamCodec` does so as a run does.
        metrics: the names that `SourceKind.metrics` explains.

    Raises:
        AssertionError: the source published what cannot be encoded, has a metric that is not explained, or
            left a file or socket open.
        TimeoutError: it published nothing, or did not end, within 20 s.
    """
    before = open_files()
    anyio.run(_run_source, make(), codec, metrics)
    _leaves_nothing(before)


async def _run_source(source: Source, codec: Codec, metrics: Collection[str]) -> None:
    kernel = Kernel(codec)
    seen, waker = anyio.Event(), Waker()
    for kind in ("frame", "peripheral"):
        kernel.bus.connect(kind, lambda envelope: waker.ring(seen.set))
    kernel.add_source("it", source)
    with anyio.fail_after(_WAIT_S):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            await seen.wait()
            group.cancel_scope.cancel()
    (stats,) = kernel.stats().sources
    assert not stats.last_error, stats.last_error
    assert stats.state in ("stopped", "ended"), f"it is {stats.state} after it was cancelled"
    _explains(metrics, stats.figures)


def _explains(metrics: Collection[str], figures: Sequence[tuple[str, float]]) -> None:
    unknown = {name for name, _ in figures} - set(metrics)
    assert not unknown, f"the metrics {sorted(unknown)} are not explained by its `metrics`"


def open_files() -> frozenset[str]:
    """The files and sockets that this process has open; none on systems without proc_pid_fd(5)."""
    found: set[str] = set()
    with suppress(OSError):
        for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - pathlib would open more of them
            with suppress(OSError):
                found.add(os.readlink(f"/proc/self/fd/{number}"))  # noqa: PTH115 - as above
    return frozenset(name for name in found if name.startswith(("/", "socket:")) and "/dev/" not in name)


def _traces() -> tuple[int, frozenset[str], list[str]]:
    """What building an adapter must not change: threads, open files, and the current folder."""
    return threading.active_count(), open_files(), sorted(os.listdir())  # noqa: PTH208 - names suffice


def _leaves_nothing(before: frozenset[str]) -> None:
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread":  # ends soon after its loop
            thread.join(_WAIT_S)
    left = sorted(open_files() - before)
    assert not left, f"it leaves open: {', '.join(left)}"
