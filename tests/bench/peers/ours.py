"""Beats: `Stream.publish_frame` or `publish_peripheral`, through encoder, bus and queue to its viewers."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from beats.app import Stream
from beats.kernel.envelope import Frame, Message, Peripheral
from beats.proto.codec import StreamCodec
from tests.bench.peers.harness import Options
from tests.support import tiny_png

_FRAMES_FROM_BYTES: Final = 1000
_KNOB: Final = "knob-1"
_LIMITS: Final = ("max_clients", "max_clients_per_address", "max_handshakes")
_LATEST_FRAME: Final = {"frame": {"size": 4, "overflow": "latest"}}
FRAMES_PER_UPDATE: Final = 6
_UNLIMITED: Final = 100_000


class Ours:
    """A `Stream` with one WebSocket sink.

    An envelope's sequence number takes more bytes as it grows, so the payload becomes shorter by as many:
    every message has the same size, as with the peers.
    """

    def __init__(self, stream: Stream, given: Options) -> None:
        self.port: Final = stream.sinks["browser"].address.port
        self._stream: Final = stream
        self._stalled: Final = given.stalled
        kind = "frame" if given.size >= _FRAMES_FROM_BYTES else "peripheral"
        self._lengths: Final = [_message(kind, given.size, 1 << 7 * index) for index in range(5)]
        self._message = self._lengths.pop(0)
        self._sequence = 0
        self._longer_from = 1 << 7

    def publish(self) -> bool:
        """Publish a message of exactly the size, and now and then an update after it."""
        self._sequence += 1
        if self._sequence == self._longer_from:
            self._message = self._lengths.pop(0)
            self._longer_from <<= 7
        message = self._message
        if isinstance(message, Frame):
            self._stream.publish_frame(message.data)
        else:
            self._stream.publish_peripheral(_KNOB, message.data)
        if self._stalled and self._sequence % FRAMES_PER_UPDATE == 0:
            self._stream.publish_peripheral("knob", {"rotation": self._sequence})
        return True

    def clients(self) -> int:
        """The viewers."""
        return self.counts()["connected"]

    def counts(self) -> dict[str, int]:
        """What `stats()` says."""
        sink = self._stream.stats().sinks[0]
        queue, totals = sink.queue, sink.client_totals
        assert totals is not None
        missed = {
            f"missed:{client.remote.rpartition(':')[2]}": client.queue.dropped.items
            for client in sink.clients
            if client.queue.dropped.items
        }
        return {
            "connected": totals.connected,
            "dropped": queue.dropped.items,
            "delivered": totals.delivered.items,
            "missed": totals.dropped.items,
            **(missed if self._stalled else {}),
        }


def _message(kind: str, size: int, sequence: int) -> Message:
    """A message whose envelope with this sequence number has `size` bytes."""
    codec = StreamCodec()
    padding = size
    for _ in range(8):  # the envelope's own lengths take bytes too
        message: Message
        if kind == "frame":
            message = Frame(tiny_png() + bytes(max(0, padding)))
        else:
            message = Peripheral(_KNOB, {"rotation": 3, "note": "-" * max(0, padding)})
        excess = len(codec.seal(codec.prepare(message), sequence, 1)) - size
        if excess == 0:
            return message
        padding -= excess
    raise ValueError(f"no {kind} makes a message of {size} bytes: choose another size")


def _overrides(event_loop: str, given: Options) -> dict[str, object]:
    browser: dict[str, object] = {"host": "127.0.0.1", "port": 0}
    if given.stalled:
        browser |= {"client_queue": _LATEST_FRAME, "stall_timeout_s": 2.0}
    else:
        queue = {
            "overflow": "drop_oldest",
            "size": given.queue,
            "max_bytes": max(64 << 20, given.queue * (given.size + 64)),
        }
        # All viewers come from one address here.
        browser |= {"queue": queue, "client_queue": queue, **dict.fromkeys(_LIMITS, _UNLIMITED)}
    return {
        "kernel": {"event_loop": event_loop},
        "sources": {"demo": {"enabled": False}},
        "sinks": {"browser": browser},
    }


@contextmanager
def serve(event_loop: str, given: Options) -> Generator[Ours]:
    """Run a stream with nothing but the WebSocket sink, whatever this machine's profiles say."""
    for name in [name for name in os.environ if name.startswith("BEATS_")]:
        del os.environ[name]
    with (
        tempfile.TemporaryDirectory() as empty,
        Stream.open(profile="default", config_dir=empty, overrides=_overrides(event_loop, given)) as stream,
    ):
        yield Ours(stream, given)
