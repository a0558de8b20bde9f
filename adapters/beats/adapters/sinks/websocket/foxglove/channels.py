"""The channels of a sink: what each topic is called and how its messages are read, for all clients alike."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple, cast

from beats.kernel.envelope import Envelope, Frame, Peripheral
from beats.kernel.ports import Context
from beats.proto import foxglove
from beats.proto.codec import OPEN_CODEC


class Channel(NamedTuple):
    """A topic as clients know it."""

    id: int
    topic: str
    """Ours."""
    definition: Mapping[str, object]
    """What clients are told of it."""


class Channels:
    """Gives each topic a channel when it is first seen, and encodes messages once for all clients."""

    def __init__(self, context: Context) -> None:
        self.session: Final = str(context.clock.unix_ns())
        """Another one when the ids of channels have another meaning."""
        self._context: Final = context
        self._ids: Final = count(1)
        self._by_topic: Final[dict[str, Channel]] = {}
        self._encoded: Final[dict[str, tuple[Envelope, Sequence[bytes]]]] = {}

    def of(self, envelope: Envelope) -> Channel:
        """The channel of an envelope's topic."""
        channel = self._by_topic.get(envelope.topic)
        if channel is None:
            id_ = next(self._ids)
            named = {"id": id_, "topic": foxglove.channel_topic(envelope.topic)}
            channel = Channel(id_, envelope.topic, named | self._format(envelope))
            self._by_topic[envelope.topic] = channel
        return channel

    def last_values(self) -> Mapping[str, Envelope]:
        """The newest published envelope of each topic."""
        return {envelope.topic: envelope for envelope in self._context.last_values()}

    def payload(self, envelope: Envelope) -> Sequence[bytes]:
        """A message as its channel says, in parts, so that a picture is not copied."""
        known = self._encoded.get(envelope.topic)
        if known is not None and known[0] is envelope:
            return known[1]
        payload = _payload(envelope)
        self._encoded[envelope.topic] = envelope, payload
        return payload

    def forget(self) -> None:
        """Keep no messages: a client has left, and it may have been the last."""
        self._encoded.clear()

    def _format(self, envelope: Envelope) -> dict[str, object]:
        if isinstance(envelope.message, Frame):
            return {
                "encoding": foxglove.IMAGE_ENCODING,
                "schemaName": foxglove.IMAGE_SCHEMA_NAME,
                "schemaEncoding": foxglove.IMAGE_ENCODING,
                "schema": b64encode(foxglove.IMAGE_SCHEMA).decode(),
            }
        return {
            "encoding": foxglove.UPDATE_ENCODING,
            "schemaName": foxglove.update_schema_name(envelope.topic),
            "schemaEncoding": foxglove.UPDATE_SCHEMA_ENCODING,
            "schema": foxglove.update_schema(*self.payload(envelope)).decode(),
        }


def _payload(envelope: Envelope) -> Sequence[bytes]:
    if isinstance(envelope.message, Frame):
        return foxglove.image_head(envelope.message, envelope.captured_unix_ns), envelope.message.data
    # As it was published: the producer may have changed its value since, against the rule.
    update = cast("Peripheral", OPEN_CODEC.decode(envelope.encoded).message)
    return (foxglove.update_json(update),)
