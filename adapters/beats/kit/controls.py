"""The commands of the wire, and the checks of their fields; for all ways that commands come in. Pure."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from beats.kernel.capabilities import CommandCheck

MAX_IMAGE_CHARACTERS: Final = 2_000_000
NO_OTHERS: Final[Mapping[str, CommandCheck]] = MappingProxyType({})
EMOJIS: Final = (
    "poop",
    "skull",
    "heart",
    "star",
    "rainbow",
    "seb",
    "faye",
    "will",
    "clem",
    "cal",
    "sri",
    "lampe",
    "ditto",
)
"""What `emoji_update` may name unless the settings say otherwise."""


class InvalidControl(ValueError):  # noqa: N818 - says what it is, and is never raised to a user
    """A message is not a valid command; the text says why."""


def checked_control(
    command: object,
    fields: Mapping[str, Any],
    emojis: Collection[str],
    others: Mapping[str, CommandCheck] = NO_OTHERS,
) -> tuple[str, Mapping[str, object]]:
    """The command and its fields, defaults filled in.

    Args:
        command: its name.
        fields: what came with it; what the command does not know is left out.
        emojis: what `emoji_update` may name.
        others: further commands, which running sources and sinks take.

    Raises:
        InvalidControl: it is not a valid command.
    """
    if isinstance(command, str) and command in others:
        try:
            return command, others[command](fields)
        except ValueError as error:
            raise InvalidControl(str(error)) from None
    check = _COMMANDS.get(command) if isinstance(command, str) else None
    if check is None or not isinstance(command, str):
        raise InvalidControl(f"command is {command!r:.40}, not one of {', '.join([*_COMMANDS, *others])}")
    return command, {"browse_step": _browse_step(fields), **check(fields, emojis)}


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
