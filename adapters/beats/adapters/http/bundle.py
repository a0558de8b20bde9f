"""Joins modules of the page into scripts, so that a browser requests a few files, not forty.

The sources stay modules that a browser or Node can run as they are. Each becomes a function that runs when it
is first needed. Its lines stay as they are, except that the words `import` and `export` are replaced, and
that comments are left out. A source map leads debuggers from the script back to the files. Scripts see each
other's modules, as their top-level names are shared.
"""

import json
import re
import string
from collections.abc import Mapping
from typing import Final, NamedTuple

_IMPORT: Final = re.compile(r'^import \{ ([\w, ]+) \} from "\./([a-z]+)\.js";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_COMMENT: Final = re.compile(r"^ *(?:/\*\*(?:(?!\*/)[\s\S])*\*/|//.*)$", re.MULTILINE)
"""A comment on lines of its own."""
_OTHER: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_BASE64: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_BEGIN: Final = """"use strict";
function $once(run, made) { return () => (made ??= run()); }
"""


class Bundle(NamedTuple):
    """A script and its source map."""

    script: str
    map: str
    """A source map (ECMA-426), as JSON."""


def bundle(sources: Mapping[str, str], start: str, map_name: str) -> Bundle:
    """Join modules.

    Args:
        sources: the text of each module by its name, such as `fit.js`.
        start: what runs when all modules are loaded; it calls modules as `$fit()`.
        map_name: where the source map will be, relative to the script.

    Raises:
        ValueError: a module imports or exports in an unsupported form.
    """
    parts = [_BEGIN]
    mappings = _Mappings(_BEGIN.count("\n"))
    for name, source in sources.items():
        parts.append(
            f"const ${name.removesuffix('.js')} = $once(() => {{\n{_as_function(name, source)}}});\n"
        )
        mappings.add(source.count("\n"))
    parts.append(f"{start}\n//# sourceMappingURL={map_name}\n")
    source_map = {
        "version": 3,
        "sources": list(sources),
        "sourcesContent": list(sources.values()),
        "names": [],
        "mappings": mappings.text,
    }
    return Bundle("".join(parts), json.dumps(source_map, ensure_ascii=False))


def needed_by(name: str, sources: Mapping[str, str]) -> frozenset[str]:
    """The modules that a module needs, including itself."""
    others = (f"{other}.js" for _, other in _IMPORT.findall(sources[name]))
    return frozenset({name}).union(*(needed_by(other, sources) for other in others))


def _as_function(name: str, source: str) -> str:
    """The body of a function that runs a module and returns what it exports."""
    exported = _EXPORT.findall(source)
    source = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), source)
    body = _IMPORT.sub(r"const { \1 } = $\2();", _EXPORT.sub("", source))
    if other := _OTHER.search(body):
        raise ValueError(
            f'{name}: {other[0]!r}: a module of the page imports as `import {{ a, b }} from "./c.js";` and '
            "exports functions, classes and constants where they are defined"
        )
    return f"{body}return {{ {', '.join(exported)} }};\n"


class _Mappings:
    """The `mappings` of a source map: which line of the script comes from which line of which source."""

    def __init__(self, lines: int) -> None:
        self.text = ";" * lines
        self._source = 0
        self._line = 0
        """Where the last line came from; mappings are differences from there."""
        self._next_source = 0

    def add(self, lines: int) -> None:
        """All lines of the next source, after one line without a source, and before two."""
        self.text += ";"
        for line in range(lines):
            step = (0, self._next_source - self._source, line - self._line, 0)
            self.text += "".join(map(_vlq, step)) + ";"
            self._source, self._line = self._next_source, line
        self.text += ";;"
        self._next_source += 1


def _vlq(number: int) -> str:
    """A number in base 64, five bits for each digit, the sign in the lowest bit (ECMA-426, section 6.2)."""
    rest = (-number << 1) | 1 if number < 0 else number << 1
    digits = ""
    while True:
        rest, digit = rest >> 5, rest & 31
        digits += _BASE64[digit | 32 if rest else digit]
        if not rest:
            return digits
