"""Writes batches in a worker thread, so that the event loop never waits for the disk."""

import logging
import math
from collections.abc import Iterable, Sequence
from typing import Final

import anyio
from anyio import to_thread

from beats.adapters.sinks.recorder.disk import Counters, DiskWatch
from beats.adapters.sinks.recorder.parts import Parts
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.adapters.sinks.recorder.switch import Switch
from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import Loss
from beats.kernel.waker import Waker
from beats.kit.lost_values import with_lost_values

_REST_S: Final = 0.02
_ROOM: Final = 8
"""The writer pauses only if the queue has room for so many times the last batch."""
_SETTLE_S: Final = 0.1
"""How long no envelope may come before a change is made: none from before it is then still on its way."""

_log: Final = logging.getLogger(__name__)


class Writer:
    """Writes while its switch is on; while it is off, it only keeps the last values."""

    def __init__(
        self, settings: RecorderSettings, context: Context, counters: Counters, disk: DiskWatch
    ) -> None:
        self.parts: Final = Parts(settings, context, counters)
        self.switch = Switch(context.clock, is_on=not settings.idle, last_values=context.last_values)
        self._settings = settings
        self._name: Final = context.name
        self._clock: Final = context.clock
        self._disk: Final = disk
        self._left: Sequence[Envelope] = ()
        """What was taken from the queue, and not yet written or skipped."""
        self._before: Parts | None = None
        self._since_ns = 0
        """When recording was switched on, while losses from before that may still arrive."""
        self._is_checked = self._has_failed = self._is_last_attempt = False
        self._sync_error: OSError | None = None
        self._waker: Waker | None = None
        self._waiting: anyio.CancelScope | None = None

    def adjust(self, settings: RecorderSettings) -> None:
        """Apply other adjustable settings."""
        self._settings = settings
        self.parts.adjust(settings)

    def tell(self, is_on: bool | None) -> bool:
        """Switch on or off soon; never waits, and any thread may call it. False if nothing changes."""
        is_new = self.switch.tell(is_on)
        if is_new and (waker := self._waker) is not None:
            waker.ring(self._wake)
        return is_new

    def take_over(self, predecessor: "Writer") -> None:
        """When run, continue the recording of a predecessor, if it has one.

        They share the switch, so that a command to either of them reaches the one that runs.
        """
        self.switch = predecessor.switch
        self._before = predecessor.parts

    async def run(self, queue: Batches) -> None:
        """Write until the queue ends. The file is always finished and closed.

        Raises:
            OSError: a file cannot be created or written, or the disk has too little space. What is in no file
                was given back to the queue; the next call starts a new file with it.
        """
        self._waker = Waker()
        self._sync_error = None
        if self._before is not None:
            self.parts.take_over(self._before)
            self._before = None
        caught_up = queue.catch_up()
        self._left = caught_up.batch
        begins = self._left[0].published_unix_ns if self._left else self._clock.steady_unix_ns()
        self.parts.begin_with(caught_up.before, begins)
        try:
            await self._resume()
        except BaseException:
            queue.give_back(self._left)
            self._left = ()
            raise
        error: Exception | None = None
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._disk.watch)
                if self._settings.fsync == "interval":
                    group.start_soon(self._sync_regularly)
                error = await self._record(queue)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                left = await to_thread.run_sync(self.parts.abandon)
                # Any other error is a bug, perhaps triggered by this batch.
                if error is None or isinstance(error, OSError):
                    queue.give_back([*left, *self._left])
                self._left = ()
        if error is not None:
            self._has_failed = isinstance(error, OSError) and not self._gives_up(error)
            raise error

    async def _resume(self) -> None:
        """Start a file if the switch is on: at the start, or again after a failure.

        While the switch is off, only check once that a file could be created.

        A recording that was switched off after a failure gets a single attempt to write what came before: a
        disk that stays full must not prolong it forever.
        """
        was_stopped = self.switch.is_on and self.switch.next_change is not None
        self._is_last_attempt, self._has_failed = self._has_failed and was_stopped, False
        if not self.switch.is_on:
            if not self._is_checked:
                await to_thread.run_sync(self._disk.check)
                self._is_checked = True
            _log.info("sink %r: idle until it is told to record", self._name)
            return
        try:
            await to_thread.run_sync(self._open)
        except OSError as error:
            if not self._gives_up(error):
                self._has_failed = True
                raise

    def _gives_up(self, error: OSError) -> bool:
        """End the recording after its last attempt has failed."""
        if not self._is_last_attempt:
            return False
        self._is_last_attempt = False
        self.switch.obey()
        _log.error(
            "sink %r: the recording ends without the last envelopes before the command to stop: %s",
            self._name,
            error,
        )
        return True

    async def _record(self, queue: Batches) -> Exception | None:
        """Take and write until the queue ends, and finish; returns an error, so that no group wraps it."""
        try:
            if self._left:
                await self._handle(queue)
            while True:
                self._left = ()
                settles = self.switch.next_change is not None
                wait_s = _SETTLE_S if settles else self.parts.flush_in_s
                with anyio.move_on_after(math.inf if wait_s is None else wait_s) as waiting:
                    self._waiting = None if settles else waiting
                    self._left = await queue.take()
                self._waiting = None
                if self._sync_error is not None:
                    return self._sync_error
                if batch := self._left:
                    await self._handle(queue)
                    await anyio.sleep(rest_s(batch, self._settings))
                elif not waiting.cancelled_caught:
                    # A pending change is left to the successor, with the envelopes from before it.
                    await to_thread.run_sync(self.parts.close, self._of_recording(queue.losses()))
                    return None
                elif settles:
                    await self._settle(queue.losses())
                elif self.parts.flush_in_s == 0:
                    await to_thread.run_sync(self.parts.flush)
        except Exception as error:
            return error

    async def _handle(self, queue: Batches) -> None:
        """Write what was taken, or skip it, by the switch at the time on the bus of each envelope."""
        losses = queue.losses()
        self._left, values = with_lost_values(queue, self._left, losses)
        begin_ns = self._left[0].published_unix_ns
        self.parts.know(value for value in values if value.published_unix_ns <= begin_ns)
        while self._left:
            count = self.switch.before_change(self._left)
            batch, ends = self._left[:count], count == len(self._left)
            if not self.switch.is_on:
                self._left = self._left[count:]
                self.parts.pass_over(batch)
            elif batch:
                await to_thread.run_sync(self._write, batch, self._of_recording(losses) if ends else [])
                queue.written(batch)
            if not ends:
                await self._obey(losses)
        self.parts.know(values)
        self._since_ns = 0

    def _write(self, batch: Sequence[Envelope], losses: Iterable[Loss]) -> None:
        """Runs in a worker thread."""
        self._left = self._left[len(batch) :]  # from here on it belongs to the parts
        self.parts.write(batch, losses)

    def _open(self) -> None:
        """Runs in a worker thread."""
        self._disk.look()
        self.parts.open()

    async def _obey(self, losses: Sequence[Loss]) -> None:
        """Carry out the next change of the switch."""
        change = self.switch.next_change
        assert change is not None
        if change.is_on:
            # Even if the disk is full: the recording is to start as soon as there is space.
            self.switch.obey()
            self._since_ns = change.unix_ns
            self.parts.renew(change.last_values)
            await to_thread.run_sync(self._open)
        else:
            await to_thread.run_sync(self.parts.close, self._of_recording(losses, change.unix_ns))
            self.switch.obey()
            self._is_last_attempt = False

    async def _settle(self, losses: Sequence[Loss]) -> None:
        """Carry out the next change when no envelope came after it."""
        await self._obey(losses)
        if self.switch.is_on:
            await to_thread.run_sync(self._write, (), self._of_recording(losses))
        self._since_ns = 0

    def _of_recording(self, losses: Sequence[Loss], until_ns: float = math.inf) -> list[Loss]:
        """The losses between the commands to record and to stop."""
        return [
            loss for loss in losses if loss.last_unix_ns >= self._since_ns and loss.first_unix_ns <= until_ns
        ]

    async def _sync_regularly(self) -> None:
        """Sync in parallel with writing, since a disk may take seconds."""
        while self._sync_error is None:
            await anyio.sleep(self._settings.flush_interval_s)
            if not self.parts.is_open:
                continue
            try:
                await to_thread.run_sync(self.parts.sync)
            except OSError as error:
                self._sync_error = error

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def rest_s(batch: Sequence[Envelope], settings: RecorderSettings) -> float:
    """How long to let envelopes collect before the next batch.

    Taking each envelope at once would wake the event loop and a worker thread for it, and both would hold the
    interpreter lock: a publish call takes twice as long then. While the rate is low and the queue has room
    for much more, the recorder pauses.
    """
    queue, size_bytes = settings.queue, sum(len(envelope.encoded) for envelope in batch)
    lanes = [lane for lane in (queue, queue.frame, queue.peripheral) if lane is not None]
    fewest = min(lane.size or queue.size for lane in lanes)
    least_bytes = min(lane.max_bytes or queue.max_bytes for lane in lanes)
    if len(batch) * _ROOM > fewest or size_bytes * _ROOM > least_bytes:
        return 0.0
    return min(_REST_S, settings.flush_interval_s / _ROOM)
