"""One viewer by MJPEG: parts of a multipart answer, one after the other (RFC 2046, section 5.1)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from http import HTTPStatus
from typing import Final

from beats.adapters.http.connection import reset
from beats.adapters.http.players.choice import PictureChoice
from beats.adapters.http.reply import Reply
from beats.adapters.http.viewers import Progress
from beats.kernel.envelope import ClientIdentity, Envelope, Frame, Message
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.stats import Amount, ClientStats, DropStats
from beats.pictures.variants import Lost, TooManyVariants, Variants, VariantStream

GROUP: Final = "mjpeg"
"""The class of these viewers: see `ClientGroup.name`."""
_TYPE: Final = "multipart/x-mixed-replace; boundary=beats"
_DELIMITER: Final = b"\r\n--beats"
_END: Final = b"--"
"""FFmpeg takes a line break after it for the beginning of a part."""
REPEAT_S: Final = 0.1
"""How soon, at the earliest, a part is sent once more if no newer picture follows: Chromium shows a part when
the headers of the next one have come."""
_LATEST_REPEAT_S: Final = 0.25
KEEPALIVE_S: Final = 5.0
"""How often it is sent again after that: players and proxies give up on an answer that stands still."""
_MOST_BYTES: Final = 16 * 1024
"""How much may follow a request, before the player is cut off."""


def repeat_after_s(gap_s: float) -> float:
    """How soon a part is sent once more that came so long after the one before.

    Later than the next one is due: a steady stream of 5 frames a second must not take twice its bytes.
    """
    return min(_LATEST_REPEAT_S, max(REPEAT_S, 1.5 * gap_s))


def head(headers: Mapping[str, str], *, chunked: bool) -> Reply:
    """How the answer begins."""
    own = {"X-Accel-Buffering": "no"}  # nginx would wait for more
    if chunked:
        own["Transfer-Encoding"] = "chunked"
    return Reply(HTTPStatus.OK, b"", _TYPE, {**headers, **own}, endless=True)


class Player(asyncio.Protocol):
    """Gets a picture's newest frame whenever the one before has gone to its socket.

    Belongs to the event loop; only `stats` may be called from other threads. At any time one frame is encoded
    or written, and one waits, the newest. A part counts as delivered when it is written; repetitions do not
    count.
    """

    def __init__(
        self,
        identity: ClientIdentity,
        choice: PictureChoice,
        variants: Variants,
        connected_unix_ns: int,
        on_left: "Callable[[Player], object]",
    ) -> None:
        """Make a player that has been sent nothing yet.

        Args:
            identity: names it.
            choice: what it wants.
            variants: encodes frames that do not fit as they are.
            connected_unix_ns: when it connected.
            on_left: called when the connection is gone.
        """
        self.identity: Final = identity
        self.choice: Final = choice
        self._variants: Final = variants
        self._connected_unix_ns: Final = connected_unix_ns
        self._on_left: Final = on_left
        self._loop: Final = asyncio.get_running_loop()
        self._queue: Final = SinkQueue(identity.remote, QueueBounds(size=1, overflow="latest"))
        self._waiting: Envelope | None = None
        """What is in the queue."""
        self._newest = 0
        """The sequence of the newest frame that it was offered."""
        self._stream: VariantStream | None = None
        self._encoding = False
        self._interval_s = 1 / choice.fps if choice.fps is not None else 0.0
        self._due_s = 0.0
        self._skipped = Amount()
        """What `fps` left out."""
        self._grown_bytes = 0
        """By how many bytes encoding has made the player's frames larger; mostly below 0."""
        self._part: tuple[bytes, ...] = ()
        """The last one written."""
        self._repeated = False
        self._written_s: float | None = None
        """When a newer picture was written last."""
        self._gap_s = 0.0
        """How long after the one before."""
        self._repeating: asyncio.TimerHandle | None = None
        self._pacing: asyncio.TimerHandle | None = None
        """Wakes it when the next frame is due."""
        self._finishing = False
        self._received_bytes = 0

    def prepare(self, latest: Message | None) -> None:
        """Make sure that frames like the latest one, if there is one, can be encoded if they must be.

        Raises:
            TooManyVariants: no variant is free; `Players.refusal` has said so before.
        """
        if not (isinstance(latest, Frame) and self.choice.fits(latest)):
            self._stream = self._variants.open(self.choice.variant, self._encoded)

    def start(self, transport: asyncio.Transport, headers: Mapping[str, str], *, chunked: bool) -> None:
        """Answer the request, on a connection that is this player's from now on.

        Args:
            transport: the connection's.
            headers: of the answer, besides those that it always has.
            chunked: whether the client knows chunks, which tell it where the answer ends.
        """
        self._transport = transport
        self._chunked = chunked
        transport.set_write_buffer_limits(1, 0)  # see `Progress`
        self._progress = Progress(transport)
        transport.resume_reading()
        transport.write(head(headers, chunked=chunked).encoded())
        self._send(_DELIMITER.lstrip())

    @property
    def drained(self) -> bool:
        """Whether everything that it was given has gone to the socket."""
        return not (self._encoding or self._waiting or self._progress.paused)

    def offer(self, envelope: Envelope) -> None:
        """Take a frame of its picture, unless it was offered one that is newer."""
        if envelope.sequence <= self._newest:
            return
        self._newest = envelope.sequence
        before, self._waiting = self._waiting, envelope
        self._queue.offer(envelope)
        if before is not None and self._is_early():
            self._skipped = self._skipped.plus(Amount(1, len(before.encoded)))
        self._pump()

    def finish(self) -> None:
        """Write what waits, and end the answer: the stream has ended."""
        self._finishing = True
        self._due_s = 0.0
        self._pump()

    def stalled(self, timeout_s: float) -> bool:
        """Whether its socket has accepted no byte for this long although some wait."""
        return self._progress.stalled(timeout_s)

    @property
    def evicted(self) -> bool:
        """Never: a stall is the only reason to close a player."""
        return False

    def abort(self) -> None:
        """End the connection at once, with a reset."""
        reset(self._transport)

    def end(self) -> None:
        """Count what waits for the player, or is being encoded for it, as dropped: it has left."""
        for timer in (self._repeating, self._pacing):
            if timer is not None:
                timer.cancel()
        if self._stream is not None:
            self._stream.close()
        if self._encoding:
            self._queue.lose_in_hand("left")
        self._queue.close()
        self._queue.discard("left")

    def stats(self) -> ClientStats:
        """The counters now."""
        skipped = self._skipped  # before the queue's, which has counted these as `latest`
        queue, grown = self._queue.stats(), Amount(0, self._grown_bytes)
        drops = [drop for drop in queue.drops if drop.reason != "latest"]
        for drop in queue.drops:
            if drop.reason == "latest":
                late = Amount(drop.items, drop.bytes).minus(skipped)
                both = (("latest", late), ("max_fps", skipped))
                drops += [DropStats(why, drop.kind, *astuple(each)) for why, each in both if each.items]
        return ClientStats(
            self.identity.id,
            self.identity.remote,
            self._connected_unix_ns,
            self._progress.paused and self._waiting is not None,
            replace(
                queue,
                offered=queue.offered.plus(grown),
                taken=queue.taken.plus(grown),
                drops=tuple(drops),
            ),
            GROUP,
        )

    def data_received(self, data: bytes) -> None:
        """Ignore what follows the request, up to a limit."""
        self._received_bytes += len(data)
        if self._received_bytes > _MOST_BYTES:
            self.abort()

    def pause_writing(self) -> None:
        """The write buffer is not empty."""
        self._progress.pause()

    def resume_writing(self) -> None:
        """The write buffer is empty."""
        self._progress.resume()
        self._loop.call_soon(self._pump)  # not from within the transport's own callback: see `Client.resume`

    def connection_lost(self, exc: Exception | None) -> None:
        """The player has left, or was ended."""
        self._on_left(self)

    def _is_early(self) -> bool:
        """Whether the next frame is not due yet, and nothing else keeps it from being sent."""
        idle = not (self._encoding or self._progress.paused)
        return idle and self._interval_s > 0 and self._loop.time() < self._due_s

    def _pump(self) -> None:
        """Send the frame that waits, if it may be sent now."""
        if self._encoding or self._progress.paused or self._transport.is_closing():
            return
        if self._part and self._repeating is None:
            delay_s = KEEPALIVE_S if self._repeated else repeat_after_s(self._gap_s)
            self._repeating = self._loop.call_later(delay_s, self._repeat)
        if self._waiting is None:
            if self._finishing:
                self._send(_END)
                if self._chunked:
                    self._transport.write(b"0\r\n\r\n")
                self._transport.close()
            return
        now_s = self._loop.time()
        if now_s < self._due_s:
            if self._pacing is not None:
                self._pacing.cancel()
            self._pacing = self._loop.call_at(self._due_s, self._pump)
            return
        # Counted from when this one was due, not from now, to keep the rate; unless that is long past.
        self._due_s = max(self._due_s + self._interval_s, now_s + self._interval_s / 2)
        self._waiting = None
        for envelope in self._queue.take_nowait():  # none if it was too large for the queue
            frame = envelope.message
            assert isinstance(frame, Frame)
            if self.choice.fits(frame):
                self._write(envelope, frame)
            else:
                self._encode(envelope)

    def _encode(self, envelope: Envelope) -> None:
        try:
            self._stream = self._stream or self._variants.open(self.choice.variant, self._encoded)
        except TooManyVariants:
            self._queue.lose_in_hand("format")
            self._loop.call_soon(self._pump)
        else:
            self._encoding = True
            self._stream.submit(envelope)

    def _encoded(self, envelope: Envelope, result: Envelope | Lost) -> None:
        if self._transport.is_closing():
            return
        self._encoding = False
        if isinstance(result, Envelope):
            assert isinstance(result.message, Frame)
            self._grown_bytes += len(result.encoded) - len(envelope.encoded)
            self._write(envelope, result.message)
        else:
            self._queue.lose_in_hand(result)
            self._pump()

    def _write(self, envelope: Envelope, frame: Frame) -> None:
        about = (
            f"\r\nContent-Type: {frame.media_type}\r\nContent-Length: {len(frame.data)}\r\n"
            f"X-Timestamp: {envelope.captured_unix_ns / 1e9:.6f}\r\n\r\n"
        )
        self._part = (about.encode(), frame.data, _DELIMITER)
        now_s = self._loop.time()
        if self._written_s is not None:
            self._gap_s = now_s - self._written_s
        self._written_s = now_s
        self._write_part(repeated=False)

    def _write_part(self, *, repeated: bool) -> None:
        if self._repeating is not None:
            self._repeating.cancel()
            self._repeating = None
        self._repeated = repeated
        self._send(*self._part)
        if not self._progress.paused:
            self._loop.call_soon(self._pump)

    def _send(self, *pieces: bytes) -> None:
        """Write a piece of the answer, as one chunk if it has chunks (RFC 9112, section 7.1)."""
        if self._chunked:
            pieces = (f"{sum(map(len, pieces)):x}\r\n".encode(), *pieces, b"\r\n")
        # Not `writelines`: some of Python 3.12 and 3.13 never say that too much waits (CVE-2024-12254).
        self._transport.write(b"".join(pieces))

    def _repeat(self) -> None:
        self._repeating = None
        if not (self._encoding or self._progress.paused or self._transport.is_closing()):
            self._write_part(repeated=True)
