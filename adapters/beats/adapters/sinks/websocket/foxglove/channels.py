"""The channels of a sink: what each topic is called and how its messages are read, for all clients alike."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple, cast

from beats.kernel.envelope import Envelope, Frame, Peripheral
from beats.kernel.ports import Context
from beats.proto import foxglove
from beats.proto.codec import OPEN_CODEC
from beats.proto.streaming_pb2 import JSON_UTF8, StreamEnvelope

CHECK_INTERVAL_NS: Final = 10**9
"""How old the last look at the values of a topic is before the next one is compared with its schema."""
MOST_SCHEMAS: Final = 8
"""How many schemas a topic can have one after the other. Values that fit none of them get no schema."""


class Channel(NamedTuple):
    """A topic as clients know it."""

    id: int
    topic: str
    """Ours."""
    definition: Mapping[str, object]
    """What clients are told of it."""


class _Schema:
    """What the values of a topic of updates look like, as far as it is known."""

    def __init__(self, found: dict[str, Any], seen_ns: int) -> None:
        self.found = found
        self.seen_ns = seen_ns
        self.changes = 0


class Channels:
    """Gives each topic a channel when it is first seen, and encodes messages once for all clients.

    The schema of updates is inferred from their values. When a later value has more in it, its topic gets
    another channel: clients read and plot only what the schema has.
    """

    def __init__(self, context: Context) -> None:
        self.session: Final = str(context.clock.unix_ns())
        """The id of the session. It is another one whenever the ids of channels have another meaning."""
        self._context: Final = context
        self._ids: Final = count(1)
        self._by_topic: Final[dict[str, Channel]] = {}
        self._schemas: Final[dict[str, _Schema]] = {}
        self._encoded: Final[dict[str, tuple[Envelope, Sequence[bytes]]]] = {}

    def of(self, envelope: Envelope) -> Channel:
        """The channel of an envelope's topic, which describes this envelope."""
        self.payload(envelope)
        if envelope.topic not in self._by_topic:  # a picture
            schema = b64encode(foxglove.IMAGE_SCHEMA).decode()
            self._define(envelope.topic, foxglove.IMAGE_ENCODING, foxglove.IMAGE_SCHEMA_NAME, schema)
        return self._by_topic[envelope.topic]

    def last_values(self) -> Mapping[str, Envelope]:
        """The newest published envelope of each topic."""
        return {envelope.topic: envelope for envelope in self._context.last_values()}

    def payload(self, envelope: Envelope) -> Sequence[bytes]:
        """A message as its channel says, in parts, so that a picture is not copied."""
        known = self._encoded.get(envelope.topic)
        if known is not None and known[0] is envelope:
            return known[1]
        if isinstance(envelope.message, Frame):
            head = foxglove.image_head(envelope.message, envelope.captured_unix_ns)
            payload: Sequence[bytes] = head, envelope.message.data
        else:
            update = _update(envelope.message, envelope.encoded)
            self._look_at(envelope, update)
            payload = (update,)
        self._encoded[envelope.topic] = envelope, payload
        return payload

    def forget(self) -> None:
        """Keep no messages: a client has left, and it may have been the last."""
        self._encoded.clear()

    def _look_at(self, envelope: Envelope, update: bytes) -> None:
        """Compare an update with the schema of its topic, if that was not done a moment ago."""
        topic, now_ns = envelope.topic, envelope.published_unix_ns
        schema = self._schemas.get(topic)
        if schema is None:
            schema = self._schemas[topic] = _Schema(json.loads(foxglove.update_schema(update)), now_ns)
        elif now_ns - schema.seen_ns < CHECK_INTERVAL_NS or schema.changes == MOST_SCHEMAS - 1:
            return
        else:
            schema.seen_ns = now_ns
            if not _widen(schema.found, json.loads(foxglove.update_schema(update))):
                return
            schema.changes += 1
        text = json.dumps(schema.found, ensure_ascii=False, separators=(",", ":"))
        self._define(topic, foxglove.UPDATE_ENCODING, foxglove.update_schema_name(topic), text)

    def _define(self, topic: str, encoding: str, schema_name: str, schema: str) -> None:
        id_ = next(self._ids)
        definition = {
            "id": id_,
            "topic": foxglove.channel_topic(topic),
            "encoding": encoding,
            "schemaName": schema_name,
            "schemaEncoding": foxglove.UPDATE_SCHEMA_ENCODING if encoding == "json" else encoding,
            "schema": schema,
        }
        self._by_topic[topic] = Channel(id_, topic, definition)


def _update(update: Peripheral, encoded: bytes) -> bytes:
    """The message of an update as it was published: its producer may have changed the value since."""
    peripheral = StreamEnvelope.FromString(encoded).peripheral
    if peripheral.payload_encoding == JSON_UTF8:
        return foxglove.update_json(update, peripheral.payload)
    return foxglove.update_json(cast("Peripheral", OPEN_CODEC.decode(encoded).message))


def _widen(schema: dict[str, Any], other: Mapping[str, Any]) -> bool:
    """Add to a schema what only the other one has; whether there was any. Of two types, the first stays."""
    if schema.get("type") != other.get("type"):
        return False
    if schema["type"] == "array":
        return _widen(schema["items"], other["items"])
    if schema["type"] != "object":
        return False
    widened = False
    properties = schema["properties"]
    for name, each in other["properties"].items():
        if name not in properties:
            properties[name] = each
            widened = True
        else:
            widened |= _widen(properties[name], each)
    return widened
