"""Writes keys and values as TOML."""

import datetime
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import PurePath
from typing import cast


def key_text(*path: str) -> str:
    """A key as TOML writes it, with quotes only where they are needed."""
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else _quoted(part) for part in path)


def value_text(value: object) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return value_text(value.value)
    if isinstance(value, str | PurePath):
        return _quoted(str(value))
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        table = cast(Mapping[object, object], value)
        items = ", ".join(f"{key_text(str(key))} = {value_text(item)}" for key, item in table.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, Sequence | set | frozenset):
        return f"[{', '.join(value_text(item) for item in cast(Iterable[object], value))}]"
    return str(value)


def comment_text(text: str) -> str:
    """A text made safe for a comment: one line, control characters escaped."""
    return "".join(character if character.isprintable() else _escape(character) for character in text)


def _quoted(text: str) -> str:
    # A JSON string is a TOML string, except that JSON allows U+007F, which TOML forbids. Also escaped: C1
    # control characters and bidirectional marks, which a terminal would obey.
    return comment_text(json.dumps(text, ensure_ascii=False))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
