"""The clients' side of the wire: the handshake, messages cut from bytes, and latencies in bounded memory."""

import base64
import json
import os
import socket
from typing import Any, Final, Protocol

_SUBPROTOCOLS: Final = {"plain": "", "foxglove": "Sec-WebSocket-Protocol: foxglove.sdk.v1\r\n"}


class RefusedError(Exception):
    """The server did not let the client in."""


class Opening:
    """Not yet a client: a socket and what it has received so far."""

    __slots__ = ("_dialect", "_received", "_upgraded", "sock")

    def __init__(self, host: str, port: int, dialect: str, path: str = "/") -> None:
        self.sock: Final = socket.create_connection((host, port))
        self._dialect: Final = dialect
        self._received = b""
        self._upgraded = False
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{_SUBPROTOCOLS[dialect]}\r\n"
        )
        self.sock.sendall(request.encode())
        self.sock.setblocking(False)

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; when it is let in, the rest, which belongs to the stream.

        Raises:
            RefusedError: the answer is not 101, or the connection was closed.
        """
        if not data:
            raise RefusedError(f"closed after {self._received[:100]!r}")
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return None
            if not head.startswith(b"HTTP/1.1 101"):
                raise RefusedError(head[:100].decode("latin-1"))
            self._received = rest
            self._upgraded = True
        if self._dialect == "plain":
            return self._received
        return self._subscribe()

    def _subscribe(self) -> bytes | None:
        """Foxglove: subscribe to each channel that is advertised, which it is once at the beginning."""
        while (text := self._text()) is not None:
            said: Any = json.loads(text)
            if said.get("op") == "advertise":
                wanted = [{"id": index, "channelId": it["id"]} for index, it in enumerate(said["channels"])]
                self.sock.sendall(_masked_text(json.dumps({"op": "subscribe", "subscriptions": wanted})))
                return self._received
        return None

    def _text(self) -> bytes | None:
        """The next text message, whole."""
        received = self._received
        if len(received) < 4:
            return None
        begin, size = 2, received[1]
        if size == 126:
            begin, size = 4, int.from_bytes(received[2:4], "big")
        if len(received) < begin + size:
            return None
        self._received = received[begin + size :]
        return received[begin : begin + size]


def _masked_text(text: str) -> bytes:
    """A client's text frame of less than 126 bytes, with a mask that changes nothing."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text.encode()


_KEPT: Final = 100_000


class Samples:
    """Keeps every sample, then every second, then every fourth …: always an even spread over the time."""

    def __init__(self) -> None:
        self._kept: list[int] = []
        self.clear()

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()
        self._stride = 1
        self._skip = 0
        self._max = 0

    def add(self, value: int) -> None:
        """Take note of a value."""
        if value > self._max:
            self._max = value
        if self._skip:
            self._skip -= 1
            return
        self._kept.append(value)
        if len(self._kept) >= _KEPT:
            del self._kept[::2]
            self._stride *= 2
        self._skip = self._stride - 1

    def figures(self) -> dict[str, float]:
        """Nanoseconds in, milliseconds out."""
        kept = sorted(self._kept)
        if not kept:
            return {"samples": 0}
        return {
            "samples": len(kept),
            "p50_ms": kept[len(kept) // 2] / 1e6,
            "p99_ms": kept[int(len(kept) * 0.99)] / 1e6,
            "p999_ms": kept[int(len(kept) * 0.999)] / 1e6,
            "max_ms": self._max / 1e6,
        }


BINARY: Final = 0x82  # a final frame of a binary message: RFC 6455, section 5.2
CLOSE: Final = 0x88
PING: Final = 0x89
_PONG: Final = b"\x8a\x80\0\0\0\0"  # masked, as a client must, with a mask that changes nothing


class UnexpectedError(Exception):
    """Bytes that no message of this size can have at this place."""


class Counted(Protocol):
    """One client's side, as far as it counts."""

    @property
    def count(self) -> int:
        """Messages that are complete."""
        ...


class Stream(Counted, Protocol):
    """One client's side."""

    def feed(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """Take the first `size` bytes of `data`; returns what is to be answered, a pong or nothing."""
        ...


def frame_bytes(size: int) -> int:
    """Bytes of an unmasked frame around `size` bytes."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)


class FixedStream:
    """All messages have one size. The work is for each read, not for each message."""

    __slots__ = ("_begun", "_carry", "_frame", "_length", "_samples", "count")

    def __init__(self, size: int, samples: Samples) -> None:
        self.count = 0
        self._frame: Final = frame_bytes(size)
        self._length: Final = size if size < 126 else 126 if size < 65536 else 127
        self._carry = 0
        self._begun = b""
        """The beginning of a control frame."""
        self._samples: Final = samples

    def feed(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """See `Stream`."""
        if self._begun:
            data, self._begun = memoryview(self._begun + data[:size]), b""
            size = len(data)
        frame, carry = self._frame, self._carry
        whole, rest = divmod(carry + size, frame)
        # A control frame anywhere in here moves what follows, so the last header shows it.
        last = size - (rest or frame)
        if last >= 0 and (data[last] != BINARY or (last + 1 < size and data[last + 1] != self._length)):
            return self._step_by_step(data, size, now_ns)
        self.count += whole
        self._carry = rest
        end = frame - carry
        if 8 <= end <= size:
            self._samples.add(now_ns - int.from_bytes(data[end - 8 : end], "little", signed=True))
        return b""

    def _step_by_step(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """There is a ping, or a close frame, between the messages."""
        position = (self._frame - self._carry) if self._carry else 0
        self.count += position > 0
        answer = b""
        while position < size:
            first, second = data[position], data[position + 1] if position + 1 < size else self._length
            if first == BINARY and second == self._length:
                if position + self._frame > size:
                    break
                self.count += 1
                position += self._frame
            elif first in (PING, CLOSE) and (position + 1 == size or position + 2 + second > size):
                self._begun = bytes(data[position:size])
                position = size
            elif first in (PING, CLOSE):
                if first == PING:
                    answer += _PONG[:1] + bytes([0x80 | second]) + _PONG[2:]
                    answer += data[position + 2 : position + 2 + second]
                position += 2 + second
            else:
                raise UnexpectedError(f"{bytes(data[position : position + 2])!r} in place of a header")
        self._carry = size - position
        return answer


class DiscardedStream:
    """Messages of one size that nobody looks at."""

    __slots__ = ("_bytes", "_frame")

    def __init__(self, size: int, already_bytes: int) -> None:
        self._frame: Final = frame_bytes(size)
        self._bytes = already_bytes

    @property
    def count(self) -> int:
        """Messages that are complete; the few pings in between are far shorter than one."""
        return self._bytes // self._frame

    def discard(self, size: int) -> None:
        """So many bytes came."""
        self._bytes += size


class ParsedStream:
    """Messages of any size: each header is read."""

    def __init__(self, samples: Samples) -> None:
        self.count = 0
        self._head = b""
        self._first = 0
        self._tail = b""
        self._todo = -1
        self._samples: Final = samples

    def feed(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """See `Stream`."""
        position = 0
        answer = b""
        while position < size:
            if self._todo < 0:  # within a header
                self._head += data[position : position + 1]
                position += 1
                self._todo = _payload_bytes(self._head)
                self._tail = b""
                if self._todo != 0:
                    continue
            end = position + min(self._todo, size - position)
            if not self._tail and end > position:
                self._first = data[position]
            self._tail = (self._tail + bytes(data[max(position, end - 125) : end]))[-125:]
            self._todo -= end - position
            position = end
            if self._todo == 0:
                answer += self._complete(now_ns)
        return answer

    def message(self, first: int, tail: bytes, now_ns: int) -> None:
        """Count a message, of which the first byte and the last 125 are known."""
        self.count += 1
        self._samples.add(now_ns - int.from_bytes(tail[-8:], "little", signed=True))

    def _complete(self, now_ns: int) -> bytes:
        opcode, self._head, self._todo = self._head[0], b"", -1
        if opcode == BINARY:
            self.message(self._first, self._tail, now_ns)
        elif opcode == PING:
            return _PONG[:1] + bytes([0x80 | len(self._tail)]) + _PONG[2:] + self._tail
        elif opcode != CLOSE:
            raise UnexpectedError(f"a frame that begins with {opcode:#x}")
        return b""


def _payload_bytes(head: bytes) -> int:
    """The size that a header tells, or -1 while it is not complete."""
    if len(head) < 2:
        return -1
    extra = {126: 2, 127: 8}.get(head[1], 0)
    if len(head) < 2 + extra:
        return -1
    return int.from_bytes(head[2:], "big") if extra else head[1]
