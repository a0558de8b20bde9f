"""What is published: messages, and the JSON of an update. Decides without I/O."""

import json
from typing import NamedTuple

from beats.kernel.envelope import Envelope, Peripheral
from beats.kit.updates import data_of
from beats.proto.codec import OPEN_CODEC
from beats.proto.streaming_pb2 import JSON_UTF8, StreamEnvelope


class Message(NamedTuple):
    """A message to publish; the broker keeps it for those who subscribe later."""

    topic: str
    payload: bytes


def json_of(envelope: Envelope) -> bytes:
    """The value of an update as compact JSON in UTF-8: as it is on the wire, or of a protobuf message."""
    update = StreamEnvelope.FromString(envelope.encoded).peripheral
    if update.payload_encoding == JSON_UTF8:
        return update.payload
    message = OPEN_CODEC.decode(envelope.encoded).message
    assert isinstance(message, Peripheral)
    return json.dumps(data_of(message), ensure_ascii=False, separators=(",", ":")).encode()
