"""Finds the line of each key in a TOML file, which `tomllib` does not tell.

The scan only looks for keys in a text that `tomllib` has accepted. If it finds other keys than `tomllib` did,
it gives no lines at all, because no line is better than a wrong one. Arrays of tables have no lines.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast

from beats.config.layers.merging import NO_LINES, LineNumbers

_Path = tuple[str, ...]

_SPACE: Final = re.compile(r"[ \t]*")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]+" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'")
# Up to two quotes before the closing three belong to the text: TOML 1.0, "String".
_STRING: Final = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})'
    r"|'''(?:[^']|'(?!''))*'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"[^,\[\]{}#\n]+")


def lines_of(text: str, tree: Mapping[str, object]) -> LineNumbers:
    """The line of each key and table, from 1, by its path.

    Args:
        text: a TOML document.
        tree: its content, from the parser.
    """
    scan = _Scan(text)
    try:
        scan.document()
    except (_LostError, RecursionError):
        return NO_LINES
    return scan.lines if scan.lines.keys() == set(_paths(tree, ())) else NO_LINES


def _paths(tree: Mapping[str, object], path: _Path) -> Iterator[_Path]:
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from _paths(cast(Mapping[str, object], value), (*path, key))


class _LostError(Exception):
    """The text is not what the scan expects."""


class _Scan:
    def __init__(self, text: str) -> None:
        self._text: Final = text
        self._at = 0
        self._line = 1
        self.lines: Final[dict[_Path, int]] = {}

    def document(self) -> None:
        table: _Path = ()
        while self._skip(_BLANK) and self._at < len(self._text):
            if self._sees("[["):
                raise _LostError
            if self._sees("["):
                self._at += 1
                table = self._note((), self._key())
                self._expect("]")
            else:
                self._pair(table)

    def _pair(self, table: _Path) -> None:
        path = self._note(table, self._key())
        self._expect("=")
        self._value(path)

    def _value(self, path: _Path | None) -> None:
        """Skip a value; note the keys of an inline table, unless it is in an array."""
        self._skip(_SPACE)
        if self._sees("["):
            self._items("]", lambda: self._value(None))
        elif self._sees("{"):
            self._items("}", lambda: self._pair(path) if path is not None else self._unseen())
        elif not self._skip(_STRING) and not self._skip(_PLAIN):
            raise _LostError

    def _unseen(self) -> None:
        self._key()
        self._expect("=")
        self._value(None)

    def _items(self, end: str, item: Callable[[], None]) -> None:
        self._at += 1
        while self._skip(_BLANK) and not self._sees(end):
            item()
            self._skip(_BLANK)
            if self._sees(","):
                self._at += 1
            elif not self._sees(end):
                raise _LostError
        self._at += 1

    def _key(self) -> _Path:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            start = self._at
            if not self._skip(_KEY):
                raise _LostError
            parts.append(_unquoted(self._text[start : self._at]))
            self._skip(_SPACE)
            if not self._sees("."):
                return tuple(parts)
            self._at += 1

    def _note(self, table: _Path, key: _Path) -> _Path:
        """Note the first line that names a table or value; the heading of a table replaces it."""
        for depth in range(1, len(key)):
            self.lines.setdefault((*table, *key[:depth]), self._line)
        path = (*table, *key)
        self.lines[path] = self._line
        return path

    def _expect(self, sign: str) -> None:
        self._skip(_SPACE)
        if not self._sees(sign):
            raise _LostError
        self._at += len(sign)

    def _sees(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found is None:
            return False
        self._line += self._text.count("\n", self._at, found.end())
        self._at = found.end()
        return True


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    if key[0] != '"':
        return key
    try:
        return str(tomllib.loads(f"key = {key}")["key"])
    except ValueError as error:
        raise _LostError from error
