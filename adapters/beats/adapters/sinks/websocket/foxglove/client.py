"""A viewer that speaks Foxglove's protocol: it gets the channels that it subscribes to."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from beats.adapters.sinks.websocket.choice import StreamChoice
from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.foxglove import messages
from beats.adapters.sinks.websocket.foxglove.channels import Channel, Channels
from beats.kernel.envelope import Envelope
from beats.kernel.stats import Amount
from beats.proto.wire import MAX_SEQUENCE

REPORT_INTERVAL_S: Final = 5.0
"""Least time between two reports of drops to a client."""
_MOST_NOTES: Final = 16
"""Most answers that wait for a client; the oldest are dropped."""
_AT_ONCE: Final = 100
"""Channels and subscriptions in one step: each has a message encoded. Others have their turn in between."""
_MOST_REASONS: Final = 3
_JUMP_NS: Final = 10**9
"""A message so much older than the last one shows that a recording was rewound; producers that overtake each
other differ by less."""


class Subscription:
    """A channel that a client gets, and the number of the last envelope that the client was offered."""

    def __init__(self, id_: int) -> None:
        self.id: Final = id_
        self.offered = MAX_SEQUENCE
        """Sequence number of what the client was offered last."""
        self.sent = MAX_SEQUENCE
        """Sequence number of what was written to it last."""


class FoxgloveClient(Client):
    """A client of Foxglove's protocol, which is sent messages as every client is.

    All else is written only while the write buffer is empty. Until then the client remembers what is still to
    do (new channels, subscriptions to begin, a few answers), not the bytes for it. So a client that does not
    read costs no more memory than its queue.
    """

    def __init__(
        self, channels: Channels, choice: StreamChoice, goes_now: Callable[[Envelope], bool], *args: Any
    ) -> None:
        """Make a client that has been sent nothing yet.

        Args:
            channels: those of the sink.
            choice: which of them it is told of.
            goes_now: whether an envelope can be sent as it is; otherwise it is sent later, if at all.
            args: those of `Client`.
        """
        super().__init__(*args)
        self._channels: Final = channels
        self._choice: Final = choice
        self._goes_now: Final = goes_now
        self._greeted = self._tells_time = False
        self._time_ns: int | None = None
        self._seen: Final[set[str]] = set()
        """Topics that it was told of, is still to be told of, or did not choose."""
        self._told: Final[dict[int, Channel]] = {}
        """The channels that the client was told of, by their ids."""
        self._untold: Final[dict[str, Envelope]] = {}
        """Topics that the client was not told of yet, each with an envelope that describes it."""
        self._withdrawn: Final[list[int]] = []
        """Channels that it is to be told of as gone."""
        self._by_topic: Final[dict[str, Subscription]] = {}
        self._subscribed: Final[dict[int, Channel | None]] = {}
        """The channel of each subscription, by its id; None when the channel was withdrawn."""
        self._to_begin: Final[dict[str, Subscription]] = {}
        self._next_step: asyncio.Handle | None = None
        self._notes: Final[deque[bytes]] = deque(maxlen=_MOST_NOTES)
        self._reported = 0
        """How many drops it was told of."""
        self._report: asyncio.TimerHandle | None = None
        self._report_due_s = 0.0

    @property
    def group(self) -> str:
        """Its class."""
        return "foxglove"

    def greet(self, greeting: bytes, *, tells_time: bool) -> None:
        """Begin.

        Args:
            greeting: the first message, framed.
            tells_time: whether it announces that times are sent.
        """
        self._tells_time = tells_time
        self._greeted = True
        self._notes.append(greeting)
        self._notice(self._channels.last_values().values())
        if not self._untold:  # a client waits for the first ones, even if there are none
            self._notes.append(messages.advertise([]))
        self.settle()

    def see(self, chunk: Iterable[Envelope]) -> None:
        """Tell it of channels that are new."""
        self._notice(chunk)
        if self._untold:
            self.settle()

    def subscribe(self, request: messages.Subscribe) -> None:
        """Begin subscriptions.

        Raises:
            InvalidMessage: some subscriptions are not possible; the others begin.
        """
        wrong: list[str] = []
        for id_, channel_id in request.channels.items():
            channel = self._told.get(channel_id)
            if channel is None:
                wrong.append(f"there is no channel {channel_id}")
            elif self._subscribed.get(id_) is not None:
                wrong.append(f"subscription {id_} exists already")
            elif channel.topic in self._by_topic:
                known = self._by_topic[channel.topic].id
                wrong.append(f"channel {channel_id} has a subscription, {known}")
            else:
                subscription = self._by_topic[channel.topic] = Subscription(id_)
                self._to_begin[channel.topic] = subscription
                self._subscribed[id_] = channel
        self.settle()
        _refuse(wrong)

    def unsubscribe(self, request: messages.Unsubscribe) -> None:
        """End subscriptions.

        Raises:
            InvalidMessage: some do not exist; the others end.
        """
        wrong: list[str] = []
        for id_ in request.subscriptions:
            if id_ not in self._subscribed:
                wrong.append(f"there is no subscription {id_}")
            elif (channel := self._subscribed.pop(id_)) is not None:
                del self._by_topic[channel.topic]
                self._to_begin.pop(channel.topic, None)
        _refuse(wrong)

    def note(self, message: bytes) -> None:
        """Send a message past the queue as soon as the write buffer is empty."""
        self._notes.append(message)
        self.settle()

    def wanted(self, chunk: Iterable[Envelope]) -> list[Envelope]:
        """The envelopes of a chunk that the client has subscribed to, and was not offered yet."""
        found: list[Envelope] = []
        for envelope in chunk:
            subscription = self._by_topic.get(envelope.topic)
            if subscription is not None and envelope.sequence > subscription.offered:
                found.append(envelope)
        return found

    def deliver(self, chunk: list[Envelope]) -> None:
        """Write wanted envelopes, or queue them if it is behind."""
        for envelope in chunk:
            self._by_topic[envelope.topic].offered = envelope.sequence
        if self.is_late(chunk):
            self.detour()
        if self.identity.id in self._paths.slow:
            self.miss(chunk)
        else:
            self.connection.transport.write(self.framed(chunk))

    def framed(self, envelopes: Iterable[Envelope]) -> bytes:
        """Their frames, but for those that it no longer wants."""
        parts: list[bytes] = []
        for envelope in envelopes:
            subscription = self._by_topic.get(envelope.topic)
            if subscription is None or envelope.sequence <= subscription.sent:
                self._lose("unsubscribed", envelope)
                continue
            subscription.sent = envelope.sequence
            time_ns = envelope.captured_unix_ns
            if self._tells_time and (self._time_ns is None or not 0 <= self._time_ns - time_ns <= _JUMP_NS):
                self._time_ns = time_ns
                parts.append(messages.time(time_ns))
            payload = self._channels.payload(envelope)
            parts.append(messages.message_data(subscription.id, time_ns, sum(map(len, payload))))
            parts.extend(payload)
            channel = self._subscribed[subscription.id]
            if channel is not None and self._channels.of(envelope) is not channel:
                self._withdraw(channel, envelope)
        return b"".join(parts)

    def settle(self) -> None:
        """Do what is still to do, if the write buffer is empty."""
        if not self._greeted or self._progress.paused or not self._open:
            return
        parts = [*self._notes]
        self._notes.clear()
        if self._withdrawn:
            parts.append(messages.unadvertise(self._withdrawn))
            self._withdrawn.clear()
        if self._untold:
            channels = [self._channels.of(self._untold.pop(topic)) for topic in [*self._untold][:_AT_ONCE]]
            parts.append(messages.advertise(channel.definition for channel in channels))
            self._told.update((channel.id, channel) for channel in channels)
        parts += (self._begin(), self._drop_report())
        if data := b"".join(parts):
            self.connection.transport.write(data)
        if self._untold or self._to_begin:
            self._settle_soon()

    def resume(self) -> None:
        """The write buffer is empty."""
        super().resume()
        self._settle_soon()

    def end(self) -> None:
        """The client has left: count what still waits for it as dropped."""
        super().end()
        if self._report is not None:
            self._report.cancel()

    def _settle_soon(self) -> None:
        if self._next_step is None:
            self._next_step = self._loop.call_soon(self._step)

    def _step(self) -> None:
        self._next_step = None
        self.settle()

    def _notice(self, envelopes: Iterable[Envelope]) -> None:
        """Note which topics it is to be told of."""
        for envelope in envelopes:
            if envelope.topic not in self._seen:
                self._seen.add(envelope.topic)
                if self._choice.wants(envelope):
                    self._untold[envelope.topic] = envelope

    def _withdraw(self, channel: Channel, envelope: Envelope) -> None:
        """Replace a channel by the one that its topic has now, and end its subscription."""
        subscription = self._by_topic.pop(channel.topic)
        self._subscribed[subscription.id] = None
        del self._told[channel.id]
        self._withdrawn.append(channel.id)
        self._untold[channel.topic] = envelope
        self._settle_soon()

    def _begin(self) -> bytes:
        """Begin subscriptions with the last values of their topics.

        These are of the bus. What the sink's queue still holds of them is not sent again: numbers rise.
        """
        if not self._to_begin:
            return b""
        last_values = self._channels.last_values()
        first: list[Envelope] = []
        for topic in [*self._to_begin][:_AT_ONCE]:
            subscription = self._to_begin.pop(topic)
            last = last_values.get(topic)
            if last is None or not self._choice.snapshot:
                subscription.offered = subscription.sent = 0 if last is None else last.sequence
                continue
            subscription.offered = subscription.sent = last.sequence - 1
            if self._goes_now(last):
                subscription.offered = last.sequence
                first.append(last)
        passed = Amount(len(first), sum(len(envelope.encoded) for envelope in first))
        self._account = self._account._replace(passed=self._account.passed.plus(passed))
        return self.framed(first)

    def _drop_report(self) -> bytes:
        """Tell of drops, if there were some since the last time, and that was long enough ago."""
        if self._queue is None:
            return b""
        drops = self._queue.stats().drops
        dropped = sum(drop.items for drop in drops)
        now_s = self._loop.time()
        if dropped == self._reported or self._report is not None:
            return b""
        if now_s < self._report_due_s:
            self._report = self._loop.call_at(self._report_due_s, self._report_late)
            return b""
        self._report_due_s = now_s + REPORT_INTERVAL_S
        reasons = ", ".join(sorted({drop.reason for drop in drops}))
        text = f"this client is behind: messages dropped: {dropped - self._reported} ({reasons})"
        self._reported = dropped
        return messages.status(messages.WARNING, text)

    def _report_late(self) -> None:
        self._report = None
        self.settle()

    def _pump(self) -> None:
        self.settle()
        super()._pump()


def _refuse(wrong: list[str]) -> None:
    if wrong:
        more = f", and {len(wrong) - _MOST_REASONS} more" if len(wrong) > _MOST_REASONS else ""
        raise messages.InvalidMessage(f"{', '.join(wrong[:_MOST_REASONS])}{more}")
