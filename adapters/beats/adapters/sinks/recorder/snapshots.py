"""Holds the last seconds in memory, and writes them to a file on command."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.adapters.sinks.recorder.disk import Counters, DiskWatch
from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.ring_buffer import RingBuffer
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import Loss
from beats.kernel.waker import Waker
from beats.kit.lost_values import with_lost_values

_log: Final = logging.getLogger(__name__)


class Snapshots:
    """Writes one snapshot at a time, in a worker thread; meanwhile it continues to hold new envelopes."""

    def __init__(
        self,
        settings: RecorderSettings,
        seconds: float,
        context: Context,
        counters: Counters,
        disk: DiskWatch,
    ) -> None:
        self.held: Final = RingBuffer(seconds, settings.snapshot_bytes)
        self.path: Path | None = None
        """The last file written."""
        self.is_writing = False
        """Whether a snapshot is being written; any thread may ask."""
        self._settings = settings
        self._context: Final = context
        self._counters: Final = counters
        self._disk: Final = disk
        self._lock: Final = anyio.Lock()
        self._waker: Waker | None = None
        self._told: anyio.Event | None = None

    def adjust(self, settings: RecorderSettings) -> None:
        """Use these settings for the next snapshot."""
        self._settings = settings

    def tell(self) -> None:
        """Write a snapshot soon, unless one is being written; never waits, and any thread may call it."""
        if (waker := self._waker) is not None:
            waker.ring(self._begin)

    async def run(self, queue: Batches) -> None:
        """Hold the last envelopes until the queue ends, and finish a snapshot that is being written then."""
        self._waker = Waker()
        async with anyio.create_task_group() as group:
            group.start_soon(self._disk.watch)
            group.start_soon(self._obey)
            caught_up = queue.catch_up()
            self.held.begin_with(caught_up.before)
            self.held.add(caught_up.batch)
            async for taken in queue:
                losses = queue.losses()
                batch, values = with_lost_values(queue, taken, losses)
                self.held.add(batch, losses, values)
            group.cancel_scope.cancel()

    async def write(self) -> Path:
        """Write what is held to a new file, and return its path.

        Raises:
            LookupError: nothing is held.
            OSError: the file cannot be written.
        """
        async with self._lock:  # two at once would choose the same name
            held = self.held
            if not len(held):
                raise LookupError(f"sink {self._context.name!r} has no envelopes in memory yet")
            state, envelopes, losses = held.state(), held.envelopes(), held.losses()
            self.is_writing = True
            try:
                self.path = await to_thread.run_sync(self._write, state, envelopes, losses)
            finally:
                self.is_writing = False
            return self.path

    def _begin(self) -> None:
        if self._told is None or self.is_writing:
            _log.debug("sink %r: told to write a snapshot while one is being written", self._context.name)
        else:
            self._told.set()

    async def _obey(self) -> None:
        while True:
            self._told = anyio.Event()
            await self._told.wait()
            self._told = None
            try:
                path = await self.write()
            except (LookupError, OSError) as error:
                _log.error("no snapshot: %s", error)
            except Exception:  # a bug must not stop the sink from holding
                _log.exception("no snapshot")
            else:
                _log.info("snapshot of sink %r: %s", self._context.name, path)

    def _write(self, state: list[Envelope], envelopes: Sequence[Envelope], losses: list[Loss]) -> Path:
        """Runs in a worker thread."""
        parts = Parts(self._settings, self._context, self._counters)
        parts.begin_with(state, envelopes[0].published_unix_ns)
        parts.open()
        try:
            parts.write(envelopes, losses)
            parts.close()
        except BaseException:
            parts.abandon()
            raise
        assert parts.path is not None
        return parts.path
