"""Viewers that made the same choice, served together."""

import asyncio
from collections.abc import Awaitable, Iterable
from functools import partial
from typing import Final

from beats.adapters.http.viewers import RunningCount, ViewerTimes
from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.client import Client, ClientLimits, Paths
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.converter import Converter
from beats.adapters.sinks.websocket.framing import framed
from beats.adapters.sinks.websocket.freshness import Recent, Turns
from beats.adapters.sinks.websocket.receiver import obey
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.envelope import FRAME_TOPIC, PNG, ClientIdentity, Envelope, Frame
from beats.kernel.last_values import CaughtUp
from beats.kernel.ports import Clock, Context
from beats.kernel.stats import Amount
from beats.kit.throttled_log import ThrottledLog
from beats.pictures.variants import Lost, Variants


def _is_plain(envelope: Envelope) -> bool:
    """Whether a viewer that asks for nothing gets it."""
    message = envelope.message
    return not isinstance(message, Frame) or (envelope.topic == FRAME_TOPIC and message.media_type == PNG)


class _Pace:
    """Keeps one picture below a `max_fps`."""

    def __init__(self) -> None:
        self.held: Envelope | None = None
        """A frame that came too early."""
        self.passed: Envelope | None = None
        """The last frame that was let through."""
        self.timer: asyncio.TimerHandle | None = None
        self.due_s = 0.0


class StreamView:
    """The part of the stream that a choice selects, framed once for all viewers that made it.

    To keep a `max_fps` below the rate of a picture's frames, a frame that comes too early is held until it is
    due, and replaced if a newer one comes first. Frames that the viewers do not take are encoded for them and
    follow later, without delaying anything else.
    """

    def __init__(self, choice: StreamChoice, variants: Variants, limits: ClientLimits) -> None:
        """Make a view without clients.

        Args:
            choice: what its clients asked for.
            variants: encode frames for them.
            limits: those of the sink; a choice may name another age.
        """
        self.choice: Final = choice
        self._limits = self._own(limits)
        self.clients: Final[dict[int, Client]] = {}
        self.sent: Final = RunningCount()
        self.thinned: Final = RunningCount()
        """Frames that `max_fps` left out."""
        self.unfit: Final = RunningCount()
        """Frames that cannot be brought into a format that the choice names."""
        self.skipped: Final = RunningCount()
        """Frames that were not encoded for a newer one."""
        self.left_out: Final = {"max_fps": self.thinned, "format": self.unfit, "encoder": self.skipped}
        """By reason."""
        self.paths: Final = Paths()
        self._turns: Final = Turns()
        self._recent: Recent | None = None
        """Made when a viewer first tells what it has drawn."""
        self._loop: Final = asyncio.get_running_loop()
        takes_png = PNG in choice.formats and choice.max_width is None
        self._gets_plain: Final = choice.everything and not choice.topics and takes_png
        """Whether it gets everything that is plain."""
        self._converter: Final = Converter(choice, variants, self._send_late, self._lose)
        self._paces: Final[dict[str, _Pace]] = {}
        """The pace of each topic, if the choice has `max_fps`."""

    def client(
        self,
        identity: ClientIdentity,
        connection: StreamConnection,
        clock: Clock,
        times: ViewerTimes,
    ) -> Client:
        """A client to join this view; arguments as those of `Client`."""
        counts = (self.sent, self.left_out, self.paths)
        return Client(identity, connection, self._limits, *counts, clock, times)

    def adjust(self, limits: ClientLimits) -> None:
        """Let other limits of the sink hold for its clients, those that are connected as well."""
        self._limits = self._own(limits)
        for client in self.clients.values():
            client.adjust(self._limits)

    def _own(self, limits: ClientLimits) -> ClientLimits:
        own_s = self.choice.max_age_s
        return limits if own_s is None else limits._replace(max_age_s=own_s)

    def join(self, client: Client, caught_up: CaughtUp) -> None:
        """Send a client the last values that it wants, and from then on the stream."""
        self._enter(client)
        first, then = caught_up.for_newcomer()
        if self.choice.max_fps is not None:  # it leaves out frames that come all at once
            first, then = caught_up.last_values(), []
        first = self._without_held([each for each in first if self.choice.wants(each)])
        then = [each for each in then if self.choice.wants(each)]
        if len(self.clients) == 1:
            first = [each for each in first if self._goes_now(each)]
            then = [each for each in then if self._goes_now(each)]
        else:
            first, then, missed = self._converter.for_joiner(first, then)
            for each in missed:
                client.leave_out(each.why, Amount(1, each.size_bytes))
        client.start(first, then)

    def _enter(self, client: Client) -> None:
        self.clients[client.identity.id] = client
        self._turns.join(client.identity.id)

    def leave(self, client: Client) -> None:
        """Stop sending to a client."""
        del self.clients[client.identity.id]
        self._turns.leave(client.identity.id)
        if not self.clients:
            self._converter.close()
            for pace in self._paces.values():
                if pace.timer is not None:
                    pace.timer.cancel()

    def receive(
        self, client: Client, settings: WebSocketSettings, context: Context, reports: ThrottledLog
    ) -> Awaitable[None]:
        """Do what a client asks for until it leaves."""
        wanted = partial(obey, client, self._drawn, settings, context.control, context.commands, reports)
        client.connection.listen(wanted)
        return client.connection.ended

    def _drawn(self, client: Client, topic: str, sequence: int) -> None:
        """A client tells which frame is on its screen."""
        if self._recent is None:
            self._recent = Recent()
        published_unix_ns = self._recent.published_unix_ns(topic, sequence)
        if published_unix_ns is not None:
            client.has_drawn(topic, published_unix_ns)

    def send(self, chunk: list[Envelope], data: bytes) -> None:
        """Pass a chunk of the stream, framed as `data`, to the clients of this view."""
        if not (self._gets_plain and self._converter.idle and all(map(_is_plain, chunk))):
            chosen = self._chosen(chunk)
            if len(chosen) < len(chunk):
                chunk, data = chosen, framed(chosen)
        if chunk:
            self._deliver(chunk, data)

    def _deliver(self, chunk: list[Envelope], data: bytes) -> None:
        due = self._due()
        if self._limits.max_age_s is not None:
            for id_ in tuple(self.paths.fast):
                if self.clients[id_].is_late(chunk):
                    self.clients[id_].detour()
        # The slow path first: a write may move a client there that has had this chunk already.
        for client in self.paths.slow.values():
            client.miss(chunk)
        for write in tuple(self.paths.fast.values()):
            write(data)
        self.sent.add(chunk)
        if self._recent is not None:
            self._recent.note(chunk)
        self._ask(due, chunk)

    def _due(self) -> tuple[int, ...]:
        """The clients that keep up and whose turn it is to tell when they have read a chunk."""
        return tuple(self._turns.due(self.paths.fast, self._loop.time()))

    def _ask(self, due: Iterable[int], chunk: list[Envelope]) -> None:
        for id_ in due:
            if (client := self.clients.get(id_)) is not None:
                client.ask(chunk[-1])

    def _without_held(self, values: list[Envelope]) -> list[Envelope]:
        """A held frame reaches all clients when it is due; until then the one before it is the last value."""
        found: list[Envelope] = []
        for envelope in values:
            pace = self._paces.get(envelope.topic)
            if pace is None or pace.held is None:
                found.append(envelope)
            elif pace.passed is not None:
                found.append(pace.passed)
        return found

    def _chosen(self, chunk: list[Envelope]) -> list[Envelope]:
        chosen = [envelope for envelope in chunk if self.choice.wants(envelope)]
        if self.choice.max_fps is not None:
            chosen = [each for each in chosen if each.kind != "frame" or self._in_time(each)]
        return [each for each in chosen if self._goes_now(each)]

    def _goes_now(self, envelope: Envelope) -> bool:
        return envelope.kind != "frame" or self._converter.passes(envelope)

    def _send_late(self, frame: Envelope) -> None:
        self._deliver([frame], framed([frame]))

    def _lose(self, frame: Envelope, why: Lost) -> None:
        self.left_out[why].add([frame])

    def _in_time(self, frame: Envelope) -> bool:
        """Whether a frame may be sent now; otherwise it is held."""
        pace = self._paces.setdefault(frame.topic, _Pace())
        if pace.held is not None:
            self.thinned.add([pace.held])
            pace.held = frame
            return False
        now_s = self._loop.time()
        if now_s < pace.due_s:
            pace.held = frame
            pace.timer = self._loop.call_at(pace.due_s, self._release, pace)
            return False
        self._next_due(pace, now_s)
        pace.passed = frame
        return True

    def _release(self, pace: _Pace) -> None:
        frame, pace.held = pace.held, None
        if frame is not None:
            self._next_due(pace, self._loop.time())
            pace.passed = frame
            if self._converter.passes(frame):
                self._send_late(frame)

    def _next_due(self, pace: _Pace, now_s: float) -> None:
        # Counted from when this one was due, not from now, to keep the rate; unless that is long past.
        interval_s = 1 / (self.choice.max_fps or 1)
        pace.due_s = max(pace.due_s + interval_s, now_s + interval_s / 2)
