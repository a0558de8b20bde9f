"""Receives what clients send: JSON objects, commands and what they have drawn."""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from beats.adapters.sinks.websocket.client import Client
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kit.controls import NO_OTHERS, InvalidControl, checked_control
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

MAX_ERROR_CHARACTERS: Final = 200


def obey(
    client: Client,
    drawn: Callable[[Client, str, int], object],
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
    reports: ThrottledLog,
    message: str | bytes,
) -> None:
    """Pass on a client's command, or the topic and sequence number of a frame that it has drawn.

    A message that is invalid, or that the client has no right to send, is ignored and counted. The connection
    limits their rate. A message with a number as its `receipt` is always answered with one.
    """
    error = _obey(client, drawn, message, settings, control, commands)
    if error is not None:
        ignore(client, error, reports)
    if (number := receipt_wanted(message)) is not None:
        client.tell(receipt(number, error))


def _obey(
    client: Client,
    drawn: Callable[[Client, str, int], object],
    message: str | bytes,
    settings: WebSocketSettings,
    control: Callable[[Control], None],
    commands: Mapping[str, CommandCheck],
) -> str | None:
    """Pass on what it says; returns the reason if that is not possible."""
    try:
        content = _content(message)
        if content.get("kind") == "drawn":
            drawn(client, *parse_drawn(content))
            return None
        command, fields = _command(content, settings.emojis, commands)
    except InvalidControl as error:
        return str(error)
    if not client.connection.rights.steer:
        return "it may watch, not steer, without the control token"
    control(Control(command, fields, client.identity))
    return None


def ignore(client: Client, reason: str, reports: ThrottledLog) -> None:
    """Count and log a message that does nothing."""
    client.invalid_messages += 1
    text = f"ignored invalid message {client.invalid_messages} of client {client.identity.remote}: {reason}"
    if client.invalid_messages == 1:
        reports.add("clients with invalid messages", text)
    else:
        log.debug("sink %r: %s", client.identity.sink, text)


def parse(
    message: str | bytes, emojis: Collection[str], others: Mapping[str, CommandCheck] = NO_OTHERS
) -> tuple[str, Mapping[str, object]]:
    """The command and its fields, defaults filled in.

    Args:
        message: text, or UTF-8 as a binary message.
        emojis: what `emoji_update` may name.
        others: further commands, which running sources and sinks take.

    Raises:
        InvalidControl: it is not a valid command; no message raises anything else.
    """
    return _command(_content(message), emojis, others)


def parse_drawn(fields: Mapping[str, Any]) -> tuple[str, int]:
    """The topic and sequence number of the frame that a message of the kind `drawn` names.

    Raises:
        InvalidControl: the message names no frame.
    """
    topic, sequence = fields.get("topic"), fields.get("sequence")
    if not isinstance(topic, str):
        raise InvalidControl(f"topic is {topic!r:.40}, not text")
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        raise InvalidControl(f"sequence is {sequence!r:.40}, not an integer")
    return topic, sequence


def _content(message: str | bytes) -> Mapping[str, Any]:
    try:
        # RecursionError: deep nesting; ValueError: not JSON, not UTF-8, or a number of too many digits.
        content: object = json.loads(message if isinstance(message, str) else message.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidControl(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidControl("not a JSON object")
    return cast("dict[str, Any]", content)


def _command(
    fields: Mapping[str, Any], emojis: Collection[str], others: Mapping[str, CommandCheck]
) -> tuple[str, Mapping[str, object]]:
    if fields.get("kind") != "control":
        raise InvalidControl(f"kind is {fields.get('kind')!r:.40}, not 'control'")
    return checked_control(fields.get("command"), fields, emojis, others)


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
