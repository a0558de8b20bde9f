"""`/api/last`: the latest update of each peripheral as JSON."""

import json
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Final

from beats.adapters.http.players.choice import IGNORED
from beats.adapters.http.query import InvalidQuery, parameters, patterns, refuse_others
from beats.adapters.http.reply import JSON, Reply, text
from beats.kernel.envelope import Envelope, Peripheral, payload_type_of
from beats.kernel.ports import Context
from beats.kit.updates import update_document
from beats.proto.codec import OPEN_CODEC

MAX_BYTES: Final = 16 << 20
"""Most bytes of an answer; what does not fit is left out and counted."""


def last_values(context: Context, query: str) -> Reply:
    """The latest update of each peripheral whose id matches; takes long when there are thousands."""
    try:
        values = parameters(query)
        ids = patterns("id", values.pop("id", None), "knob-*,accel-1")
        refuse_others(values, IGNORED, "id, token, t and _")
    except InvalidQuery as error:
        return text(HTTPStatus.BAD_REQUEST, f"{error}.")
    documents: list[str] = []
    size_bytes = left_out = 0
    for envelope in context.last_values():
        message = envelope.message
        if not isinstance(message, Peripheral):
            continue
        if ids and not any(fnmatchcase(message.id, pattern) for pattern in ids):
            continue
        # An object in ASCII: its length is its number of bytes.
        document = json.dumps(_document(envelope, message), separators=(",", ":"), allow_nan=False)
        if size_bytes + len(document) > MAX_BYTES:
            left_out += 1
        else:
            size_bytes += len(document)
            documents.append(document)
    body = (
        f'{{"time_unix_ns":{context.clock.unix_ns()},"left_out":{left_out},'
        f'"peripherals":[{",".join(documents)}]}}\n'
    )
    return Reply(HTTPStatus.OK, body.encode(), JSON)


def _document(envelope: Envelope, message: Peripheral) -> dict[str, object]:
    # A program may have published anything that has a form as JSON; the bytes have that form.
    if not payload_type_of(message.data):
        decoded = OPEN_CODEC.decode(envelope.encoded).message
        assert isinstance(decoded, Peripheral)
        message = decoded
    moment = datetime.fromtimestamp(envelope.captured_unix_ns / 1e9, UTC)
    return {
        "topic": envelope.topic,
        "sequence": envelope.sequence,
        "captured": moment.isoformat(timespec="milliseconds"),
        "captured_unix_ns": envelope.captured_unix_ns,
        **update_document(message),
    }
