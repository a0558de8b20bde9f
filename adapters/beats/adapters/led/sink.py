"""A sink that shows a picture on an LED wall; protocols differ in their packets only."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Final, Protocol

import anyio

from beats.adapters.led.hosts import HostPort
from beats.adapters.led.mapping import Tone, WallMapping
from beats.adapters.led.settings import LedSettings
from beats.adapters.led.targets import Counts, Packet, Target
from beats.kernel.envelope import PNG, Envelope, Frame, Message, frame_topic
from beats.kernel.errors import ClosedError, QueueFull
from beats.kernel.ports import Batches, Context
from beats.kit.offload import Offload, in_a_thread
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.encoders import decode, encode
from beats.pictures.errors import PictureError

log = logging.getLogger(__name__)

_FAREWELLS: Final = 3
"""How often black is sent at the end: a packet may get lost, and nothing would repeat it."""
_FAREWELL_S: Final = 0.5
"""How long that may take at most, for all hosts together."""
_PREVIEW_S: Final = 0.1
"""Least time between two pictures of the preview."""


class Packets(Protocol):
    """A protocol."""

    def frame(self, wire: bytes) -> Sequence[Packet]:
        """The packets of a frame, with the next sequence number."""
        ...

    def end(self) -> Sequence[Packet]:
        """The packets that tell controllers that the stream has ended; none where a protocol cannot."""
        ...


class LedSink:
    """Shows the newest frame of one picture, at most `fps` times a second."""

    def __init__(
        self,
        settings: LedSettings,
        context: Context,
        packets: Packets,
        targets: Callable[[str, Counts], Sequence[Target]] | None = None,
        offload: Offload = in_a_thread,
    ) -> None:
        """Open nothing yet.

        Args:
            settings: of the wall.
            context: of the kernel.
            packets: of the protocol.
            targets: makes the targets, from how they shall be called in the log and the common counters; by
                default one for each host.
            offload: calls what takes milliseconds elsewhere.
        """
        who = f"sink {context.name!r}"
        self._settings: LedSettings = settings
        self._context: Final = context
        self._packets: Final = packets
        self._counts: Final = Counts()
        self._targets: Final = (
            targets(who, self._counts)
            if targets
            else [
                Target(who, HostPort.of(host, settings.default_port), self._counts) for host in settings.host
            ]
        )
        self._offload: Final = offload
        self._reports: Final = ThrottledLog(log, who)
        self._topic: Final = frame_topic(settings.picture)
        self._tone = Tone(settings.brightness, settings.gamma)
        self._mapping: WallMapping | None = None
        self._frame: Frame | None = None
        """The frame that is shown."""
        self._wire = b""
        """The bytes along the wire that were sent for it."""
        self._sent_at = -math.inf
        self._preview = (b"", self._tone)
        """The bytes of a frame, and how bright they are."""
        self._is_stale = False
        """Whether it has to be shown again with other settings."""
        self._idle: anyio.CancelScope | None = None
        """What waits for something to send."""
        self._is_new = anyio.Event()
        self._has_successor = False
        self._frames = self._repeats = 0

    def metrics(self) -> Mapping[str, float]:
        """What was sent, and what could not be."""
        return {
            "frames_total": float(self._frames),
            "repeats_total": float(self._repeats),
            "packets_total": float(self._counts.packets),
            "send_errors_total": float(self._counts.errors),
            "hosts": float(len(self._targets)),
            "hosts_failing": float(sum(target.is_failing for target in self._targets)),
            "undecodable_total": float(self._reports.counts["pictures that cannot be shown"]),
        }

    def adjust(self, settings: LedSettings) -> None:
        """Show the picture with other settings at once."""
        if settings != self._settings:
            self._settings = settings
            self._tone = Tone(settings.brightness, settings.gamma)
            self._is_stale = True
            if self._idle is not None:
                self._idle.cancel()

    def take_over(self, predecessor: object) -> None:
        """A predecessor at the same place leaves the wall lit."""
        if isinstance(predecessor, LedSink):
            predecessor._has_successor = predecessor._settings.place == self._settings.place

    async def run(self, queue: Batches) -> None:
        """Show frames until the queue ends, then do as `on_end` says."""
        self._has_successor = False
        if self._mapping is None:
            self._mapping = await self._offload(WallMapping, self._settings)
        with ExitStack() as opened:
            for target in self._targets:
                opened.callback(target.close)
                target.open()
            try:
                async with anyio.create_task_group() as group:
                    for target in self._targets:
                        group.start_soon(target.keep_open)
                    if self._settings.preview is not None:
                        group.start_soon(self._publish_preview, self._settings.preview)
                    await self._show_all(queue)
                    group.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await self._end()
        self._reports.summarise()

    async def _show_all(self, queue: Batches) -> None:
        caught_up = queue.catch_up()
        batch: Sequence[Envelope] | None = [*caught_up.before, *caught_up.batch]
        due = -math.inf
        while True:
            newest = self._newest(batch or ())
            if newest is not None or self._is_stale:
                begin, period_s = anyio.current_time(), 1 / self._settings.fps
                await self._show(self._frame if newest is None else newest.message)
                # A frame that came late by less than half a period does not delay the next one.
                due = max(due, begin - period_s / 2) + period_s
                if newest is not None:
                    queue.written([newest])
                    await anyio.sleep_until(due)
            elif batch is None:
                await self._send(self._packets.frame(self._wire))
                self._repeats += 1
            batch = await self._next(queue)
            if batch is not None and not batch:
                return

    async def _next(self, queue: Batches) -> Sequence[Envelope] | None:
        """The next batch, which is empty at the end; None when what is shown has to be sent again."""
        if self._is_stale:
            return None
        keepalive_s = self._settings.keepalive_s
        again = math.inf
        if keepalive_s and self._wire:
            again = self._sent_at + max(keepalive_s, 1 / self._settings.fps)
        with anyio.CancelScope(deadline=again) as idle:
            self._idle = idle
            return await queue.take()
        return None

    def _newest(self, batch: Sequence[Envelope]) -> Envelope | None:
        return next((envelope for envelope in reversed(batch) if envelope.topic == self._topic), None)

    async def _show(self, frame: Message | None) -> None:
        """Send a frame; one that cannot be decoded leaves the last one in place."""
        self._is_stale = False
        if not isinstance(frame, Frame):
            return
        self._frame = frame
        tone = self._tone
        try:
            self._wire = await self._offload(self._rendered, frame, tone)
        except PictureError as error:
            self._reports.add("pictures that cannot be shown", str(error))
            return
        self._frames += 1
        self._preview = self._wire, tone
        self._is_new.set()
        await self._send(self._packets.frame(self._wire))

    def _rendered(self, frame: Frame, tone: Tone) -> bytes:
        assert self._mapping is not None
        return self._mapping.wire(decode(frame.data, frame.media_type), tone)

    async def _send(self, packets: Sequence[Packet], timeout_s: float | None = None) -> None:
        period_s = 1 / self._settings.fps
        spread_s = self._settings.pace * period_s if timeout_s is None else 0.0
        async with anyio.create_task_group() as group:
            for target in self._targets:
                group.start_soon(target.send, packets, spread_s, timeout_s or period_s)
        self._sent_at = anyio.current_time()

    async def _end(self) -> None:
        on_end = self._settings.on_end
        if not self._wire or self._has_successor:
            return
        if on_end == "black":
            for _ in range(_FAREWELLS):
                await self._send(self._packets.frame(bytes(len(self._wire))), _FAREWELL_S / _FAREWELLS)
        if on_end != "hold":
            await self._send(self._packets.end(), _FAREWELL_S / _FAREWELLS)

    async def _publish_preview(self, id: str) -> None:  # noqa: A002 - the wire's own word
        while True:
            await self._is_new.wait()
            self._is_new = anyio.Event()
            png = await self._offload(self._previewed, *self._preview)
            try:
                await self._context.publish(Frame(png, id, PNG, *self._settings.size))
            except QueueFull as error:
                self._reports.add("refused previews", str(error))
            except ClosedError:
                return
            await anyio.sleep(_PREVIEW_S)

    def _previewed(self, wire: bytes, tone: Tone) -> bytes:
        assert self._mapping is not None
        return encode(self._mapping.picture(wire, tone))
