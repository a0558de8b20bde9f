"""A source that shows what a lighting desk sends; protocols differ in their packets only."""

import asyncio
import errno
import logging
import socket
from collections.abc import Mapping
from typing import Any, Final, Protocol

import anyio
from anyio import to_thread

from beats.adapters.led.frames import Frames, Universes
from beats.adapters.led.mapping import Tone, WireReader
from beats.adapters.led.patch import Patch
from beats.adapters.led.senders import Levels, Senders, Sync
from beats.adapters.led.source_settings import DeskSettings
from beats.kernel.envelope import Peripheral, Tag
from beats.kernel.errors import QueueFull
from beats.kernel.ports import Context, Publish
from beats.kit.forks import close_in_children
from beats.kit.offload import Offload, in_a_thread
from beats.kit.ports import refused
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.publishing import PixelPublisher

log = logging.getLogger(__name__)

_BUFFER_BYTES: Final = 1 << 20
_TAGS: Final = (Tag("input", "dmx"),)


class Reader(Protocol):
    """A protocol."""

    sync_timeout_s: float
    """Seconds after which a sender that sends no `Sync` any more does without."""

    def read(self, packet: bytes, sender: tuple[str, int]) -> Levels | Sync | None:
        """What a packet says; None when it is nothing for this source.

        Raises:
            ValueError: the bytes are no packet of this protocol, or damaged; says why.
        """
        ...

    def join(self, opened: socket.socket) -> None:
        """Make the network send packets to a socket, where it has to be asked; called again when none come.

        Raises:
            OSError: that is not possible now.
        """
        ...

    def answers(self, now_s: float) -> list[tuple[bytes, tuple[str, int]]]:
        """What senders want to be told, each with its address, since the last call."""
        ...

    def close(self) -> None:
        """Close what `join` opened."""
        ...


class DeskSource(asyncio.DatagramProtocol):
    """Publishes the newest levels as a picture, as peripherals, or both.

    Packets are read in the event loop as they come, about 10 µs each. They never wait: what is not published
    yet is replaced by what is newer.
    """

    def __init__(
        self, settings: DeskSettings, context: Context, reader: Reader, offload: Offload = in_a_thread
    ) -> None:
        """Open nothing yet.

        Args:
            settings: of the source.
            context: of the kernel.
            reader: of the protocol.
            offload: calls what takes milliseconds elsewhere.
        """
        self._settings: Final = settings
        self._context: Final = context
        self._reader: Final = reader
        self._offload: Final = offload
        self._reports: Final = ThrottledLog(log, f"source {context.name!r}")
        self._pixels: Final = context.service(PixelPublisher)
        self._senders: Final = Senders(settings.wanted, settings.timeout_s)
        self._frames: Final = Frames(settings.wanted, reader.sync_timeout_s)
        self._patch: Final = Patch(settings.peripherals, settings.universe)
        self._tone: Final = Tone(1, settings.gamma)
        self._wires: WireReader | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._woken = anyio.Event()
        self._lost: Exception | None = None
        self._join_problem = ""
        self._packets = 0

    @property
    def address(self) -> tuple[str, int] | None:
        """The address that the source listens on; None while it does not."""
        return self._transport.get_extra_info("sockname")[:2] if self._transport else None

    def metrics(self) -> Mapping[str, float]:
        """Counts of packets that came, and of those that were left out."""
        return {
            "live_universes": float(len(self._senders.live)),
            "packets_total": float(self._packets),
            "frames_total": float(self._frames.count),
            "unreadable_total": float(self._reports.counts["unreadable packets"]),
            **{
                f"{reason}_total": float(self._senders.left_out[reason])
                for reason in ("late", "other_sender", "other_universe")
            },
        }

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled.

        Raises:
            OSError: the port cannot be listened on; says which, why, and what to do.
        """
        size = self._settings.size
        if self._wires is None and size:
            made = (WireReader, size, self._settings.layout, self._settings.color_order)
            self._wires = await self._offload(*made)
        opened = await self._listen()
        try:
            self._lost = None
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=opened)
            host, port = opened.getsockname()[:2]
            log.info("source %r: listening on %s UDP port %d", self._context.name, host, port)
            await self._publish_all(publish, opened)
        finally:
            self._reader.close()
            if self._transport is not None:
                self._transport.abort()
                self._transport = None
            opened.close()
        self._reports.summarise()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Take note of a packet; never raises."""
        self._packets += 1
        try:
            said = self._reader.read(data, addr[:2])
        except ValueError as error:
            self._reports.add("unreadable packets", f"a packet of {addr[0]} cannot be read: {error}")
            return
        now_s = anyio.current_time()
        was_due_s = self._frames.due_s
        if isinstance(said, Levels):
            if self._senders.take(said, now_s):
                self._frames.add(said, now_s)
            elif said.is_end:
                self._woken.set()
        elif said is not None:
            self._frames.sync(said, now_s)
        if self._frames.is_complete or self._frames.due_s < was_due_s:
            self._woken.set()
        for answer, to in self._reader.answers(now_s):
            assert self._transport is not None
            self._transport.sendto(answer, to)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make `run` raise, unless it closed the socket itself."""
        self._lost = exc or OSError(errno.ENOTCONN, "the socket was closed")
        self._woken.set()

    async def _publish_all(self, publish: Publish, opened: socket.socket) -> None:
        join_s = anyio.current_time()
        due_s = 0.0
        is_live = False
        while True:
            now_s = anyio.current_time()
            if now_s >= join_s and not self._senders.live:
                self._join(opened)
                join_s = now_s + self._settings.timeout_s
            lost = self._senders.expire(now_s)
            if lost and self._settings.on_loss == "black":
                self._frames.darken(lost)
            if is_live != (is_live := bool(self._senders.live)):
                text = (
                    "levels arrive"
                    if is_live
                    else f"levels have stopped arriving; on_loss = {self._settings.on_loss}"
                )
                self._reports.add("changes of state", text, logging.INFO)
            if now_s >= due_s:
                frame = self._frames.take(now_s)
                if frame is not None:
                    due_s = max(due_s, now_s - 0.5 / self._settings.fps) + 1 / self._settings.fps
                    await self._show(frame, publish)
            if self._lost is not None:
                raise self._lost
            self._woken = anyio.Event()
            next_s = self._senders.lost_at_s if self._senders.live else join_s
            if not self._frames.is_complete:
                next_s = min(next_s, max(self._frames.due_s, due_s))
            with anyio.CancelScope(deadline=due_s if self._frames.is_complete else next_s):
                await self._woken.wait()

    async def _show(self, universes: Universes, publish: Publish) -> None:
        captured_unix_ns = self._context.clock.unix_ns()
        for id_, value in self._patch.changes(universes):
            try:
                await publish(Peripheral(id_, value, _TAGS), captured_unix_ns=captured_unix_ns)
            except QueueFull as error:
                self._reports.add("refused envelopes", str(error), logging.ERROR)
        if self._wires is not None and not universes.keys().isdisjoint(self._settings.numbers):
            await self._offload(self._publish_picture, self._wires, universes, captured_unix_ns, publish)

    def _publish_picture(
        self, wires: WireReader, universes: Universes, captured_unix_ns: int, publish: Publish
    ) -> None:
        pixels = wires.picture(self._settings.join(universes), self._tone)
        self._pixels.publish(
            pixels.image(),
            id=self._settings.picture,
            captured_unix_ns=captured_unix_ns,
            send=publish.from_thread,
        )

    def _join(self, opened: socket.socket) -> None:
        try:
            self._reader.join(opened)
        except OSError as error:
            problem = (
                f"multicast groups cannot be joined, trying again: {error.strerror}. Set interface to the "
                "address of this machine in the network of the desk, or multicast = false"
            )
            if problem != self._join_problem:
                self._reports.add("faults", problem)
            self._join_problem = problem
        else:
            self._join_problem = ""

    async def _listen(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            found = await to_thread.run_sync(_addresses, host, port, abandon_on_cancel=True)
        except (OSError, UnicodeError) as error:
            text = f"host {host!r} has no address ({error}): give a name or address of this machine"
            raise OSError(errno.EADDRNOTAVAIL, text) from error
        opened = socket.socket(found[0][0], socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            opened.bind(found[0][4])
            close_in_children(opened)
        except OSError as error:
            opened.close()
            key = ("sources", self._context.name, "port")
            raise refused(error, key, host, port, kind="UDP ", other="a lighting program") from error
        return opened


def _addresses(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
