"""The messages of Foxglove's protocol, as far as a server of streams needs them. No I/O.

The protocol's description is https://github.com/foxglove/ws-protocol/blob/main/docs/spec.md; playback control
is newer, and described by https://docs.rs/foxglove (modules `websocket` and `protocol`). All integers of
binary messages are little-endian.
"""

import json
import struct
from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple, cast

from beats.adapters.sinks.websocket.framing import framed_text, header

INFO: Final = 0
WARNING: Final = 1
ERROR: Final = 2

_MESSAGE_DATA: Final = struct.Struct("<BIQ")  # opcode, subscription, log time
_TIME: Final = struct.Struct("<BQ")  # opcode, time
_PLAYBACK_STATE: Final = struct.Struct(
    "<BBQfBI"
)  # opcode, status, time, speed, whether it jumped, id's length
_PLAYBACK_REQUEST: Final = struct.Struct(
    "<BBfBQI"
)  # opcode, command, speed, whether to seek, time, id's length
_MESSAGE_DATA_OP: Final = 1
_TIME_OP: Final = 2
_PLAYBACK_STATE_OP: Final = 5
_PLAYBACK_REQUEST_OP: Final = 3
_MAX_U32: Final = 2**32 - 1
_MAX_U64: Final = 2**64 - 1
_NS_PER_S: Final = 10**9


class InvalidMessage(ValueError):  # noqa: N818 - says what it is, and never leaves this package
    """A message that breaks the protocol; the text says why."""


class Subscribe(NamedTuple):
    """A client asks for channels."""

    channels: Mapping[int, int]
    """The ids of channels, by the ids that the client gives its subscriptions."""


class Unsubscribe(NamedTuple):
    """A client wants no more of some subscriptions."""

    subscriptions: tuple[int, ...]


class PlaybackRequest(NamedTuple):
    """A client steers what is played."""

    paused: bool
    speed: float
    seek_unix_ns: int | None
    request_id: str


class PlaybackStatus(IntEnum):
    """What a player does."""

    PLAYING = 0
    PAUSED = 1
    ENDED = 3


class PlaybackState(NamedTuple):
    """What a player does, and where."""

    status: PlaybackStatus
    unix_ns: int
    speed: float
    jumped: bool
    """Whether it is where it is because of a jump: clients then forget what they show."""
    request_id: str = ""
    """The id of the request that this answers."""


Request = Subscribe | Unsubscribe | PlaybackRequest


def server_info(
    name: str, session: str, capabilities: Collection[str], range_unix_ns: tuple[int, int] | None
) -> bytes:
    """The first message, framed.

    Args:
        name: of the server, for people.
        session: another one tells a client that channels known from before are not the same any more.
        capabilities: what the server can do besides sending messages.
        range_unix_ns: begin and end of what is played.
    """
    message: dict[str, object] = {
        "op": "serverInfo",
        "name": name,
        "capabilities": list(capabilities),
        "sessionId": session,
    }
    if range_unix_ns is not None:
        for key, unix_ns in zip(("dataStartTime", "dataEndTime"), range_unix_ns, strict=True):
            seconds, ns = divmod(unix_ns, _NS_PER_S)
            message[key] = {"sec": seconds, "nsec": ns}
    return _text(message)


def advertise(channels: Iterable[Mapping[str, object]]) -> bytes:
    """New channels, framed."""
    return _text({"op": "advertise", "channels": list(channels)})


def unadvertise(channels: Iterable[int]) -> bytes:
    """A framed message that withdraws channels."""
    return _text({"op": "unadvertise", "channelIds": list(channels)})


def status(level: int, text: str) -> bytes:
    """A text for people, framed."""
    return _text({"op": "status", "level": level, "message": text})


def message_data(subscription: int, log_unix_ns: int, payload_bytes: int) -> bytes:
    """The beginning of a message of a channel, framed; its payload follows."""
    begin = _MESSAGE_DATA.pack(_MESSAGE_DATA_OP, subscription, _unsigned(log_unix_ns))
    return header(len(begin) + payload_bytes) + begin


def time(unix_ns: int) -> bytes:
    """The time of what follows, framed."""
    return _binary(_TIME.pack(_TIME_OP, _unsigned(unix_ns)))


def playback_state(state: PlaybackState) -> bytes:
    """The state of the playback, as a framed message."""
    request = state.request_id.encode()
    place = (_unsigned(state.unix_ns), state.speed, state.jumped, len(request))
    return _binary(_PLAYBACK_STATE.pack(_PLAYBACK_STATE_OP, state.status, *place) + request)


def parse(message: str | bytes) -> Request | None:
    """A client's message; None for one that asks for something that this server does not offer.

    Raises:
        InvalidMessage: it breaks the protocol; no message raises anything else.
    """
    return _parse_text(message) if isinstance(message, str) else _parse_binary(message)


def _parse_text(message: str) -> Request | None:
    try:
        # RecursionError: deep nesting; ValueError: not JSON, or a number of too many digits.
        content: object = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidMessage("not a JSON object")
    fields = cast("dict[str, Any]", content)
    op = fields.get("op")
    if not isinstance(op, str):
        raise InvalidMessage(f"op is {_short(op)}, not text")
    if op == "subscribe":
        wanted: dict[int, int] = {}
        for each in _list(fields, "subscriptions"):
            if not isinstance(each, dict):
                raise InvalidMessage(f"subscriptions holds {_short(each)}, not an object")
            entry = cast("dict[str, Any]", each)
            id_ = _id(entry.get("id"), "a subscription's id")
            if id_ in wanted:
                raise InvalidMessage(f"subscription id {id_} occurs twice")
            wanted[id_] = _id(entry.get("channelId"), "a subscription's channelId")
        return Subscribe(wanted)
    if op == "unsubscribe":
        ids = _list(fields, "subscriptionIds")
        return Unsubscribe(tuple(_id(each, "an entry of subscriptionIds") for each in ids))
    return None


def _parse_binary(message: bytes) -> Request | None:
    if not message:
        raise InvalidMessage("an empty binary message")
    if message[0] != _PLAYBACK_REQUEST_OP:
        return None
    if len(message) < _PLAYBACK_REQUEST.size:
        raise InvalidMessage(
            f"a playback request has {len(message)} bytes; it has at least {_PLAYBACK_REQUEST.size}"
        )
    _, command, speed, seeks, unix_ns, length = _PLAYBACK_REQUEST.unpack_from(message)
    request = message[_PLAYBACK_REQUEST.size :]
    if command not in (0, 1):
        raise InvalidMessage(f"the command of a playback request is {command}; 0 is play, 1 is pause")
    if len(request) != length:
        raise InvalidMessage(f"the id of a playback request has {len(request)} bytes, and says {length}")
    try:
        request_id = request.decode()
    except ValueError:
        raise InvalidMessage("the id of a playback request is not UTF-8") from None
    return PlaybackRequest(command == 1, speed, unix_ns if seeks else None, request_id)


def _list(fields: Mapping[str, Any], name: str) -> list[object]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise InvalidMessage(f"{name} is {_short(value)}, not an array")
    return cast("list[object]", value)


def _id(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_U32:
        raise InvalidMessage(f"{what} is {_short(value)}, not an integer from 0 to 2**32 - 1")
    return value


def _short(value: object) -> str:
    if isinstance(value, dict | list):  # which may be too deep to be written out
        return "an object" if isinstance(value, dict) else "an array"
    return f"{value!r:.40}"


def _unsigned(unix_ns: int) -> int:
    """Times before 1970 have no place in this protocol."""
    return min(max(0, unix_ns), _MAX_U64)


def _text(message: object) -> bytes:
    return framed_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


def _binary(message: bytes) -> bytes:
    return header(len(message)) + message
