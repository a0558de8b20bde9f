"""What one client has received: counted from bytes when all messages have one size, else from headers."""

from typing import Final, Protocol

from tests.bench.load.samples import Samples

BINARY: Final = 0x82  # a final frame of a binary message: RFC 6455, section 5.2
CLOSE: Final = 0x88
PING: Final = 0x89
_PONG: Final = b"\x8a\x80\0\0\0\0"  # masked, as a client must, with a mask that changes nothing


class UnexpectedError(Exception):
    """Bytes that no message of this size can have at this place."""


class Stream(Protocol):
    """One client's side."""

    count: int
    """Messages that are complete."""

    def feed(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """Take the first `size` bytes of `data`; returns what is to be answered, a pong or nothing."""
        ...


def frame_bytes(size: int) -> int:
    """Bytes of an unmasked frame around `size` bytes."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)


class FixedStream:
    """All messages have one size. The work is for each read, not for each message."""

    __slots__ = ("_carry", "_frame", "_length", "_samples", "count")

    def __init__(self, size: int, samples: Samples) -> None:
        self.count = 0
        self._frame: Final = frame_bytes(size)
        self._length: Final = size if size < 126 else 126 if size < 65536 else 127
        self._carry = 0
        self._samples: Final = samples

    def feed(self, data: memoryview, size: int, now_ns: int) -> bytes:
        """See `Stream`."""
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
            elif first in (PING, CLOSE) and position + 2 + second <= size:
                if first == PING:
                    answer += _PONG[:1] + bytes([0x80 | second]) + _PONG[2:]
                    answer += data[position + 2 : position + 2 + second]
                position += 2 + second
            else:
                raise UnexpectedError(f"{bytes(data[position : position + 2])!r} in place of a header")
        self._carry = size - position
        return answer


class ParsedStream:
    """Messages of any size: each header is read."""

    __slots__ = ("_head", "_samples", "_tail", "_todo", "count")

    def __init__(self, samples: Samples) -> None:
        self.count = 0
        self._head = b""
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
            step = min(self._todo, size - position)
            end = position + step
            self._tail = (self._tail + bytes(data[max(position, end - 125) : end]))[-125:]
            self._todo -= step
            position = end
            if self._todo == 0:
                answer += self._complete(now_ns)
        return answer

    def _complete(self, now_ns: int) -> bytes:
        first, self._head, self._todo = self._head[0], b"", -1
        if first == BINARY:
            self.count += 1
            self._samples.add(now_ns - int.from_bytes(self._tail[-8:], "little", signed=True))
        elif first == PING:
            return _PONG[:1] + bytes([0x80 | len(self._tail)]) + _PONG[2:] + self._tail
        elif first != CLOSE:
            raise UnexpectedError(f"a frame that begins with {first:#x}")
        return b""


def _payload_bytes(head: bytes) -> int:
    """The size that a header tells, or -1 while it is not complete."""
    if len(head) < 2:
        return -1
    extra = {126: 2, 127: 8}.get(head[1], 0)
    if len(head) < 2 + extra:
        return -1
    return int.from_bytes(head[2:], "big") if extra else head[1]
