"""OSC messages that are commands. Pure."""

import base64
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from beats.kernel.capabilities import CommandCheck
from beats.kit.controls import COMMANDS, checked_control

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "browse": ("browse_step",),
    "sensor_update": ("sensor_key", "sensor_value"),
    "text_update": ("text",),
    "image_update": ("image_base64", "image_mime_type"),
    "emoji_update": ("emoji",),
}
"""What the arguments of the commands of the wire are."""
_CLEARED: Final = ("sensor_update", "text_update", "image_update")
"""Commands that clear what they set, if arguments are missing."""


class Controller(NamedTuple):
    """A command, and what the arguments of a message mean to it."""

    command: str
    fields: tuple[str, ...]

    def control(
        self, arguments: tuple[object, ...], emojis: Collection[str], others: Mapping[str, CommandCheck]
    ) -> tuple[str, Mapping[str, object]] | None:
        """The checked command; None when a button that has no field was released.

        Args:
            arguments: of the message.
            emojis: what `emoji_update` may name.
            others: the commands that sources and sinks take now.

        Raises:
            ValueError: the message is not a valid command; says why.
        """
        if not self.fields:
            if len(arguments) > 1:
                raise ValueError(f"{len(arguments)} arguments came; {self.command} takes none")
            if arguments and not arguments[0]:
                return None  # a button sends 1 when it is pressed, and 0 when it is released
        elif len(arguments) > len(self.fields):
            names = ", ".join(self.fields)
            raise ValueError(f"{len(arguments)} arguments came; {self.command} takes only {names}")
        given = map(_plain, arguments)
        fields: dict[str, object] = dict(zip(self.fields, given, strict=False))
        if self.command in _CLEARED and len(arguments) < 1 + (self.command == "sensor_update"):
            fields["clear"] = True
        return checked_control(self.command, fields, emojis, others)


def parse_control(address: str, text: str) -> Controller:
    """Parse an entry of the setting `controls`.

    Raises:
        ValueError: the address or the command is invalid; says what would be right.
    """
    if not address.startswith("/") or any(each.isspace() or each in "*?[]{}#," for each in address):
        raise ValueError(f"{address!r} is not an address: it begins with a slash, such as /beats/browse")
    command, *fields = text.split()[:16] or [""]
    if not command:
        raise ValueError(f"{address!r} needs the name of a command, such as {', '.join(COMMANDS[:3])}")
    return Controller(command, tuple(fields) or _FIELDS.get(command, ()))


def _plain(argument: object) -> object:
    """An argument as JSON has it: faders and buttons of many programs send whole numbers as floats."""
    if isinstance(argument, float) and argument.is_integer():
        return int(argument)
    if isinstance(argument, bytes):
        return base64.b64encode(argument).decode()
    return argument
