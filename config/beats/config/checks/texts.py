"""Checks text from variables for characters that became part of it by mistake.

`docker --env-file` and others take everything after `=` literally: quotes, blanks and the carriage return of
a file with Windows line endings become part of a token, which no client can then present, or of a path.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Final, cast

from pydantic import SecretStr

from beats.config.errors import Problem, dotted, shown
from beats.config.layers.merging import Layer, Level, Text, leaves

_QUOTES: Final = ("'", '"')


def stray_characters(text: str) -> str | None:
    """The stray characters around a text, with how to remove them; None when there are none."""
    if text.endswith("\r"):
        return "ends with a carriage return: save the file that it comes from with Unix line endings"
    if text.endswith("\n"):
        return "ends with a line break: remove it"
    if text != text.strip():
        return "begins or ends with a blank: remove it"
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        return "is in quotes, which become part of it: remove them, because only a shell strips quotes"
    return None


def undecodable(layers: Iterable[Layer]) -> Iterator[Problem]:
    """A problem for each value from outside the files that is not UTF-8, as all text in profiles is.

    Python represents such bytes as lone surrogates (PEP 383), which cannot be sent or compared.
    """
    for layer in layers:
        for path, value in leaves(layer.tree):
            if isinstance(value, Text) and not _is_utf8(value.text):
                yield Problem(value.variable or layer.where, dotted(path), None, "is not UTF-8 text")
            elif not isinstance(value, Text) and not all(map(_is_utf8, _strings(value))):
                message = "is not UTF-8 text: give the file another name, or give its folder"
                given = shown(value) if layer.level is Level.SOURCES else None  # others may be secrets
                yield Problem(layer.where, dotted(path), given, message)


def stray_character_warnings(layers: Iterable[Layer], settings: Mapping[str, object]) -> Iterator[str]:
    """A warning for each variable whose stray characters have become part of a setting.

    Args:
        layers: the values of the variables, as text.
        settings: the checked settings, some of which strip blanks.
    """
    for where, path, text in _texts(layers):
        for part in _strings(_at(settings, path)) if text.variable is not None else ():
            if part in text.text and (what := stray_characters(part)) is not None:
                yield f"{where}: the value {what}"


def _texts(layers: Iterable[Layer]) -> Iterator[tuple[str, tuple[str, ...], Text]]:
    """The origin, the path and the text of every unconverted value."""
    for layer in layers:
        for path, value in leaves(layer.tree):
            if isinstance(value, Text):
                yield value.variable or layer.where, path, value


def _at(value: object, path: Iterable[str]) -> object:
    """The setting at a path; None when there is none."""
    for key in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value).get(key)
        else:
            value = getattr(value, key, None)
    return value


def _strings(value: object) -> Iterator[str]:
    """The texts in a setting; none from a table, where quotes belong to TOML."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str | PurePath):
        yield str(value)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[object]", value):
            yield from _strings(item)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
