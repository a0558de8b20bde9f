"""Viewers that made the same choice, served together."""

import asyncio
from typing import Final

from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.client import Client, Paths
from beats.adapters.sinks.websocket.counters import RunningCount
from beats.adapters.sinks.websocket.framing import framed
from beats.kernel.envelope import Envelope
from beats.kernel.last_values import CaughtUp


class StreamView:
    """The part of the stream that a choice selects, framed once for all viewers that made it.

    To keep a `max_fps` below the rate of the frames, a frame that comes too early is held until it is due,
    and replaced if a newer one comes first.
    """

    def __init__(self, choice: StreamChoice) -> None:
        self.choice: Final = choice
        self.clients: Final[dict[int, Client]] = {}
        self.sent: Final = RunningCount()
        self.thinned: Final = RunningCount()
        """Frames that `max_fps` left out."""
        self.paths: Final = Paths()
        self._loop: Final = asyncio.get_running_loop()
        self._held: Envelope | None = None
        self._passed: Envelope | None = None
        """The last frame that `max_fps` let through."""
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    def join(self, client: Client, caught_up: CaughtUp) -> None:
        """Send a client the last values that it wants, and from then on the stream."""
        self.clients[client.identity.id] = client
        first, then = caught_up.for_newcomer()
        if self.choice.max_fps is not None:  # it leaves out frames that come all at once
            first, then = caught_up.last_values(), []
        first = [each for each in first if self.choice.wants(each)]
        client.start(self._without_held(first), [each for each in then if self.choice.wants(each)])

    def leave(self, client: Client) -> None:
        """Stop sending to a client."""
        del self.clients[client.identity.id]
        if not self.clients and self._timer is not None:
            self._timer.cancel()

    def send(self, chunk: list[Envelope], data: bytes) -> None:
        """Pass a chunk of the stream, framed as `data`, to the clients of this view."""
        if not self.choice.everything:
            chunk = self._chosen(chunk)
            data = framed(chunk)
        if chunk:
            self._deliver(chunk, data)

    def _deliver(self, chunk: list[Envelope], data: bytes) -> None:
        # The slow path first: a write may move a client there that has had this chunk already.
        for client in self.paths.slow.values():
            client.miss(chunk)
        for write in tuple(self.paths.fast.values()):
            write(data)
        self.sent.add(chunk)

    def _without_held(self, values: list[Envelope]) -> list[Envelope]:
        """A held frame reaches all clients when it is due; until then the one before it is the last value."""
        if self._held is None:
            return values
        frames = [] if self._passed is None else [self._passed]
        return [*frames, *(envelope for envelope in values if envelope.kind != "frame")]

    def _chosen(self, chunk: list[Envelope]) -> list[Envelope]:
        chosen = [envelope for envelope in chunk if self.choice.wants(envelope)]
        if self.choice.max_fps is None:
            return chosen
        return [envelope for envelope in chosen if envelope.kind != "frame" or self._in_time(envelope)]

    def _in_time(self, frame: Envelope) -> bool:
        """Whether a frame may be sent now; otherwise it is held."""
        if self._held is not None:
            self.thinned.add([self._held])
            self._held = frame
            return False
        now_s = self._loop.time()
        if now_s < self._due_s:
            self._held = frame
            self._timer = self._loop.call_at(self._due_s, self._release)
            return False
        self._next_due(now_s)
        self._passed = frame
        return True

    def _release(self) -> None:
        frame, self._held = self._held, None
        if frame is not None:
            self._next_due(self._loop.time())
            self._passed = frame
            self._deliver([frame], framed([frame]))

    def _next_due(self, now_s: float) -> None:
        # Counted from when this one was due, not from now, to keep the rate; unless that is long past.
        interval_s = 1 / (self.choice.max_fps or 1)
        self._due_s = max(self._due_s + interval_s, now_s + interval_s / 2)
