"""The recorder sink: hands batches to a worker thread, so that the event loop never waits for the disk."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.adapters.sinks.recorder.held import Held
from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import Loss

_REST_S: Final = 0.02
_ROOM: Final = 8
"""How many times what has just been taken the queue must be able to hold for a rest."""


class RecorderSink:
    """Records all the time, or holds the last seconds and writes them when told."""

    def __init__(self, settings: RecorderSettings, context: Context) -> None:
        self._settings = settings
        self._context: Final = context
        self._parts: Final = Parts(settings, context)
        self._held: Held | None = None
        self._sync_error: OSError | None = None
        self._path: Path | None = None

    @property
    def path(self) -> Path | None:
        """The file that is being written, or was written last, by the name that it has when it is whole."""
        return self._parts.path or self._path

    @property
    def holds_snapshot(self) -> bool:
        """Whether it holds the last seconds in place of recording all the time."""
        return self._settings.snapshot_s is not None

    def adjust(self, settings: RecorderSettings) -> None:
        """Go on with other bounds and times."""
        self._settings = settings
        self._parts.adjust(settings)

    def note(self, name: str, content: Mapping[str, str]) -> None:
        """Write this into the recording with what is written next."""
        self._parts.note(name, content)

    async def run(self, queue: Batches) -> None:
        """Record until the queue ends. The file is finished and closed however this ends.

        Raises:
            OSError: a file cannot be made or written, or the disk has too little left. What is in no file
                was given back to the queue; the next call begins a new file with it.
        """
        if self._settings.snapshot_s is not None:
            await self._hold(queue, self._settings.snapshot_s)
            return
        await to_thread.run_sync(self._parts.open)
        error: Exception | None = None
        try:
            async with anyio.create_task_group() as group:
                if self._settings.fsync == "interval":
                    group.start_soon(self._sync_regularly)
                error = await self._record(queue)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                left = await to_thread.run_sync(self._parts.abandon)
                if error is None or isinstance(error, OSError):
                    queue.give_back(left)  # any other error is a fault of ours, and may be this batch's
        if error is not None:
            raise error

    async def snapshot(self) -> Path:
        """Write what is held to a file of its own, and say which.

        Raises:
            LookupError: nothing is held.
            OSError: the file cannot be written.
        """
        held = self._held
        if held is None or not len(held):
            raise LookupError(f"sink {self._context.name!r} holds nothing yet")
        state, envelopes, losses = held.state(), held.envelopes(), held.losses()
        self._path = await to_thread.run_sync(self._write_snapshot, state, envelopes, losses)
        return self._path

    async def _record(self, queue: Batches) -> Exception | None:
        """Take and write until the queue ends, and finish; an error is returned, not wrapped in a group."""
        parts = self._parts
        try:
            while True:
                batch: list[Envelope] = []
                wait_s = parts.flush_in_s
                with anyio.move_on_after(math.inf if wait_s is None else wait_s) as waiting:
                    batch = await queue.take()
                if self._sync_error is not None:
                    return self._sync_error
                if batch:
                    await to_thread.run_sync(parts.write, batch, queue.losses())
                    await anyio.sleep(rest_s(batch, self._settings))
                elif waiting.cancelled_caught:
                    await to_thread.run_sync(parts.flush)
                else:
                    await to_thread.run_sync(parts.close, queue.losses())
                    return None
        except Exception as error:
            return error

    async def _sync_regularly(self) -> None:
        """Beside the writing: a disk may take seconds for it."""
        self._sync_error = None
        while self._sync_error is None:
            await anyio.sleep(self._settings.flush_interval_s)
            try:
                await to_thread.run_sync(self._parts.sync)
            except OSError as error:
                self._sync_error = error

    async def _hold(self, queue: Batches, seconds: float) -> None:
        if self._held is None:
            self._held = Held(seconds, self._settings.snapshot_bytes)
        async for batch in queue:
            self._held.add(batch, queue.losses())

    def _write_snapshot(self, state: list[Envelope], envelopes: list[Envelope], losses: list[Loss]) -> Path:
        """Runs in a worker thread."""
        parts = Parts(self._settings, self._context)
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


def rest_s(batch: list[Envelope], settings: RecorderSettings) -> float:
    """How long to let envelopes gather before the next batch.

    A recorder that takes each one as it comes wakes the event loop and a worker thread for it, and both keep
    the interpreter from the producer: a publish call takes twice as long. While little comes, and the queue
    has room for much more, there is no hurry.
    """
    queue, size_bytes = settings.queue, sum(len(envelope.encoded) for envelope in batch)
    lanes = [lane for lane in (queue, queue.frame, queue.peripheral) if lane is not None]
    fewest = min(lane.size or queue.size for lane in lanes)
    least_bytes = min(lane.max_bytes or queue.max_bytes for lane in lanes)
    if len(batch) * _ROOM > fewest or size_bytes * _ROOM > least_bytes:
        return 0.0
    return min(_REST_S, settings.flush_interval_s / _ROOM)
