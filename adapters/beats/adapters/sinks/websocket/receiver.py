"""Receives what clients send: JSON objects with `"kind": "control"` and a `"command"`."""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from websockets.exceptions import ConnectionClosed

from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_NO_OTHERS: Final[Mapping[str, CommandCheck]] = MappingProxyType({})
MAX_IMAGE_CHARACTERS: Final = 2_000_000
MAX_ERROR_CHARACTERS: Final = 200


async def receive(
    client: Client,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
    reports: ThrottledLog,
) -> None:
    """Pass on a client's valid commands until it leaves.

    Messages that are invalid, or that the client has no right to send, are ignored and counted. The
    connection limits their rate. A message with a number as its `receipt` is always answered with one.
    """
    try:
        async for message in client.connection:
            error = _obey(client, message, settings, control, commands)
            if error is not None:
                ignore(client, error, reports)
            if (number := receipt_wanted(message)) is not None:
                client.tell(receipt(number, error))
    except ConnectionClosed:
        pass  # each client may leave as it likes


def _obey(
    client: Client,
    message: str | bytes,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
) -> str | None:
    """Pass on a command; returns the reason if that is not possible."""
    try:
        command, fields = parse(message, settings.emojis, commands)
    except InvalidControl as error:
        return str(error)
    if not client.connection.rights.steer:
        return "it may watch, not steer, without the control token"
    control(Control(command, fields, client.identity))
    return None


def ignore(client: Client, reason: str, reports: ThrottledLog) -> None:
    """Count and log a message that does nothing."""
    client.invalid_messages += 1
    text = f"message {client.invalid_messages} from client {client.identity.remote} ignored: {reason}"
    if client.invalid_messages == 1:
        reports.add("clients with invalid messages", text)
    else:
        log.debug("sink %r: %s", client.identity.sink, text)


class InvalidControl(ValueError):  # noqa: N818 - says what it is, and never leaves this package
    """A client's message is not a valid command; the text says why."""


def parse(
    message: str | bytes, emojis: Collection[str], others: Mapping[str, CommandCheck] = _NO_OTHERS
) -> tuple[str, Mapping[str, object]]:
    """The command and its fields, defaults filled in.

    Args:
        message: text, or UTF-8 as a binary message.
        emojis: what `emoji_update` may name.
        others: further commands, which running sources and sinks take.

    Raises:
        InvalidControl: it is not a valid command; no message raises anything else.
    """
    try:
        # RecursionError: deep nesting; ValueError: not JSON, not UTF-8, or a number of too many digits.
        content: object = json.loads(message if isinstance(message, str) else message.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidControl(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidControl("not a JSON object")
    fields = cast("dict[str, Any]", content)
    if fields.get("kind") != "control":
        raise InvalidControl(f"kind is {fields.get('kind')!r:.40}, not 'control'")
    command = fields.get("command")
    if isinstance(command, str) and command in others:
        try:
            return command, others[command](fields)
        except ValueError as error:
            raise InvalidControl(str(error)) from None
    check = _COMMANDS.get(command) if isinstance(command, str) else None
    if check is None or not isinstance(command, str):
        raise InvalidControl(f"command is {command!r:.40}, not one of {', '.join([*_COMMANDS, *others])}")
    return command, {"browse_step": _browse_step(fields), **check(fields, emojis)}


def receipt_wanted(message: str | bytes) -> int | None:
    """The number of the receipt that a client asks for; None when it asks for none."""
    text = message if isinstance(message, str) else message.decode(errors="replace")
    if '"receipt"' not in text:  # most have none, and one may be two million characters long
        return None
    try:
        content: object = json.loads(text, parse_int=_receipt_number)
    except (ValueError, RecursionError):
        return None
    number = cast("dict[str, Any]", content).get("receipt") if isinstance(content, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number < 2**53 else None


def _receipt_number(digits: str) -> int:
    """A whole number; -1 for one that is too long for a receipt, and may be too long for Python as well."""
    return int(digits) if len(digits) < 20 else -1


def receipt(number: int, error: str | None) -> str:
    """The receipt of a message with this number; with an error, the message was not accepted."""
    outcome = {"taken": True} if error is None else {"taken": False, "error": error[:MAX_ERROR_CHARACTERS]}
    return json.dumps({"kind": "receipt", "receipt": number, **outcome})


def _browse_step(fields: Mapping[str, Any]) -> int:
    step = fields.get("browse_step", 0)
    if not isinstance(step, int) or isinstance(step, bool):
        raise InvalidControl(f"browse_step is {step!r:.40}, not an integer")
    return step


def _clear(fields: Mapping[str, Any]) -> bool:
    clear = fields.get("clear", False)
    if not isinstance(clear, bool):
        raise InvalidControl(f"clear is {clear!r:.40}, not true or false")
    return clear


def _text(fields: Mapping[str, Any], name: str, *, empty: bool) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise InvalidControl(f"{name} is {value!r:.40}, not {'' if empty else 'non-empty '}text")
    return value


def _nothing(fields: Mapping[str, Any], emojis: Collection[str]) -> dict[str, object]:
    return {}


def _sensor(fields: Mapping[str, Any], emojis: Collection[str]) -> dict[str, object]:
    key, clear = _text(fields, "sensor_key", empty=False), _clear(fields)
    if clear:
        return {"sensor_key": key, "clear": True}
    value = fields.get("sensor_value")
    # NaN and the infinities pass Python's JSON reader but are not JSON, and not numbers to act on.
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < float("inf"):
        raise InvalidControl(f"sensor_value is {value!r:.40}, not a number")
    return {"sensor_key": key, "sensor_value": value, "clear": False}


def _text_update(fields: Mapping[str, Any], emojis: Collection[str]) -> dict[str, object]:
    if _clear(fields):
        return {"clear": True}
    return {"text": _text(fields, "text", empty=True), "clear": False}


def _image(fields: Mapping[str, Any], emojis: Collection[str]) -> dict[str, object]:
    if _clear(fields):
        return {"clear": True}
    image = _text(fields, "image_base64", empty=False)
    if len(image) > MAX_IMAGE_CHARACTERS:
        raise InvalidControl(f"image_base64 has {len(image)} characters, more than {MAX_IMAGE_CHARACTERS}")
    mime = (
        {"image_mime_type": _text(fields, "image_mime_type", empty=True)}
        if fields.get("image_mime_type") is not None
        else {}
    )
    return {"image_base64": image, **mime, "clear": False}


def _emoji(fields: Mapping[str, Any], emojis: Collection[str]) -> dict[str, object]:
    emoji = _text(fields, "emoji", empty=False)
    if emoji not in emojis:
        raise InvalidControl(f"emoji is {emoji!r:.40}, not one of {', '.join(emojis)}")
    return {"emoji": emoji}


_COMMANDS: Final[Mapping[str, Callable[[Mapping[str, Any], Collection[str]], dict[str, object]]]] = {
    "browse": _nothing,
    "activate": _nothing,
    "alternate_activate": _nothing,
    "sensor_update": _sensor,
    "text_update": _text_update,
    "image_update": _image,
    "emoji_update": _emoji,
}

COMMANDS: Final = tuple(_COMMANDS)
"""The names of the commands of the wire."""
