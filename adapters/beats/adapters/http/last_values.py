"""`/api/last`: the latest update of each peripheral as JSON."""

import json
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from beats.adapters.http.reply import JSON, Reply, text
from beats.kernel.envelope import Envelope, Peripheral, payload_type_of
from beats.kernel.ports import Context
from beats.kit.updates import update_document
from beats.proto.codec import OPEN_CODEC

MAX_PATTERNS: Final = 32
MAX_BYTES: Final = 16 << 20
"""Most bytes of an answer; what does not fit is left out and counted."""
_MOST_FIELDS: Final = 16
_IGNORED: Final = ("token", "t", "_")


def last_values(context: Context, query: str) -> Reply:
    """The latest update of each peripheral whose id matches; takes long when there are thousands."""
    try:
        patterns = _patterns(query)
    except ValueError as error:
        return text(HTTPStatus.BAD_REQUEST, f"{error}.")
    documents: list[str] = []
    size_bytes = left_out = 0
    for envelope in context.last_values():
        message = envelope.message
        if not isinstance(message, Peripheral):
            continue
        if patterns and not any(fnmatchcase(message.id, pattern) for pattern in patterns):
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


def _patterns(query: str) -> tuple[str, ...]:
    """The patterns of ids in a query; none for all.

    Raises:
        ValueError: a parameter is unknown or has a wrong value; says which.
    """
    try:
        parameters = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ValueError("the query cannot be read: it has too many parameters") from None
    found: list[str] = []
    for name, value in parameters:
        if name == "id":
            found += value.split(",")
        elif name not in _IGNORED:
            raise ValueError(f"unknown parameter {name!r:.40}; there are id and token")
    if len(found) > MAX_PATTERNS:
        raise ValueError(f"id has {len(found)} patterns; at most {MAX_PATTERNS} are allowed")
    return tuple(found)
