"""Ids from the names that other protocols use: topics of MQTT, addresses of OSC. Pure."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from beats.kernel.envelope import Tag

_FIELD: Final = re.compile(r"\{(topic|address|-?[1-9][0-9]?|[1-9][0-9]?\+)\}")
_WHOLE: Final = ("topic", "address")


class IdTemplate:
    """Makes ids from names whose levels are separated by slashes.

    `{topic}`, or `{address}`, stands for the whole name, `{2}` for its second level, `{-1}` for the last, and
    `{2+}` for the second and all that follow. All other text stays as it is.
    """

    def __init__(self, text: str) -> None:
        """Parse a template.

        Raises:
            ValueError: it holds braces that mean nothing.
        """
        self._text: Final = text
        parts = _FIELD.split(text)  # text and field in turn
        self._parts: Final = tuple(zip(parts[::2], [*parts[1::2], ""], strict=True))
        for around, _ in self._parts:
            if "{" in around or "}" in around:
                raise ValueError(
                    f"{text!r} has braces that mean nothing: use {{topic}} (MQTT) or {{address}} (OSC) "
                    "for the whole name, {2} for its second level, {-1} for the last, {2+} for the second "
                    "and all after it"
                )

    def id_of(self, name: str) -> str:
        """The id for a name; an OSC address comes without its first slash.

        Raises:
            ValueError: the name has no such level, or the id would be empty although the template is not.
        """
        levels = name.split("/")
        found = "".join(around + self._value(field, name, levels) for around, field in self._parts)
        if not found and self._text:
            raise ValueError(f"{name!r:.80} gives an empty id")
        return found

    def _value(self, field: str, name: str, levels: list[str]) -> str:
        if field in _WHOLE:
            return name
        if not field:
            return ""
        number = int(field.rstrip("+"))
        if abs(number) > len(levels):
            raise ValueError(
                f"{name!r:.80} has no level {{{field}}}, which the template {self._text!r} names"
            )
        if field.endswith("+"):
            return "/".join(levels[number - 1 :])
        return levels[number if number < 0 else number - 1]


def _checked(text: str) -> str:
    IdTemplate(text)
    return text


IdTemplateText = Annotated[str, AfterValidator(_checked)]
"""A template in the settings."""


def tag_of(text: str) -> Tag:
    """The tag in a text, NAME or NAME:VARIANT.

    Raises:
        ValueError: the tag has no name.
    """
    name, colon, variant = text.partition(":")
    if not name or (colon and not variant):
        raise ValueError(f"{text!r} is not a tag: give NAME or NAME:VARIANT, such as sensor or input:rotary")
    return Tag(name, variant)


def _checked_tag(text: str) -> str:
    tag_of(text)
    return text


TagText = Annotated[str, AfterValidator(_checked_tag)]
"""A tag in the settings."""
