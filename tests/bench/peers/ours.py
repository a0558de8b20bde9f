"""Beats: `Stream.publish_frame` or `publish_peripheral`, through encoder, bus and queue to its viewers."""

import contextlib
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.app import Stream
from beats.kernel.envelope import Frame, Message, Peripheral
from beats.kernel.errors import QueueFull
from beats.proto.codec import StreamCodec
from beats.proto.encode import PNG_SIGNATURE
from tests.bench.peers.harness import Options, main

_FRAMES_FROM_BYTES: Final = 1000
_KNOB: Final = "knob-1"
_LIMITS: Final = {"max_clients", "max_clients_per_address", "max_handshakes"}
_UNLIMITED: Final = 100_000


class Ours:
    """A `Stream` with one WebSocket sink.

    An envelope's sequence number takes more bytes as it grows, so the payload becomes shorter by as many:
    every message has the same size, as with the peers.
    """

    def __init__(self, stream: Stream, given: Options) -> None:
        self.port: Final = stream.sinks["browser"].address.port
        self._stream: Final = stream
        kind = given.kind or ("frame" if given.size >= _FRAMES_FROM_BYTES else "peripheral")
        self._lengths: Final = [_message(kind, given.size, 1 << 7 * index) for index in range(5)]
        self._message = self._lengths.pop(0)
        self._sequence = 0
        self._longer_from = 1 << 7

    def publish(self) -> bool:
        """Publish a message of exactly the size; QueueFull, of strategies that raise it, is a refusal."""
        self._sequence += 1
        if self._sequence == self._longer_from:
            self._message = self._lengths.pop(0)
            self._longer_from <<= 7
        message = self._message
        try:
            if isinstance(message, Frame):
                self._stream.publish_frame(message.png_data)
            else:
                self._stream.publish_peripheral(_KNOB, message.data)
        except QueueFull:
            return False
        return True

    def clients(self) -> int:
        """The viewers."""
        return self.counts()["connected"]

    def counts(self) -> dict[str, int]:
        """What `stats()` says."""
        sink = self._stream.stats().sinks[0]
        queue, totals = sink.queue, sink.client_totals
        assert totals is not None
        return {
            "offered": queue.offered.items,
            "taken": queue.taken.items,
            "dropped": queue.dropped.items,
            "waiting": queue.waiting.items,
            "high_water": queue.high_water,
            "connected": totals.connected,
            "accepted": totals.accepted,
            "stalled": totals.stalled,
            "overflowed": totals.overflowed,
            "delivered": totals.delivered.items,
            "missed": totals.dropped.items,
            "behind": sum(client.behind for client in sink.clients),
        }


def _message(kind: str, size: int, sequence: int) -> Message:
    """A message whose envelope with this sequence number has `size` bytes."""
    codec = StreamCodec()
    padding = size
    for _ in range(8):  # the envelope's own lengths take bytes too
        message: Message
        if kind == "frame":
            message = Frame(PNG_SIGNATURE + bytes(max(0, padding)))
        else:
            message = Peripheral(_KNOB, {"rotation": 3, "note": "-" * max(0, padding)})
        excess = len(codec.seal(codec.prepare(message), sequence, 1)) - size
        if excess == 0:
            return message
        padding -= excess
    raise ValueError(f"no {kind} makes a message of {size} bytes: choose another size")


def _overrides(given: Options) -> dict[str, object]:
    queue = {"size": given.queue, "max_bytes": max(64 << 20, given.queue * (given.size + 64))}
    # A viewer cannot make a producer wait.
    common = "drop_oldest" if given.overflow == "block" else given.overflow
    browser: dict[str, object] = {
        "host": "127.0.0.1",
        "port": given.port,
        "queue": {**queue, "overflow": given.overflow},
        "client_queue": {**queue, "overflow": given.client_overflow or common},
    }
    # Limits on the number of viewers, which all come from one address here.
    browser |= dict.fromkeys(_LIMITS & WebSocketSettings.model_fields.keys(), _UNLIMITED)
    return {"sources": {"demo": {"enabled": False}}, "sinks": {"browser": browser}}


@contextmanager
def serve(given: Options) -> Generator[Ours]:
    """Run a stream with nothing but the WebSocket sink, whatever this machine's profiles say."""
    for name in [name for name in os.environ if name.startswith("BEATS_")]:
        del os.environ[name]
    with contextlib.ExitStack() as stack:
        empty = stack.enter_context(tempfile.TemporaryDirectory())
        stream = stack.enter_context(
            Stream.open(profile="default", config_dir=empty, overrides=_overrides(given))
        )
        yield Ours(stream, given)


if __name__ == "__main__":
    main(serve)
