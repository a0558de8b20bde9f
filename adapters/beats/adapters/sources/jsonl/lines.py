"""Cuts a stream of bytes into numbered lines, and parses each line of JSON into a peripheral update; pure.

The cutter never keeps more than one line of bounded length. The parser accepts only known keys and types.
"""

import json
import math
from typing import Final, NamedTuple, NoReturn, cast

from beats.kernel.envelope import Peripheral, Tag
from beats.kit import labels
from beats.kit.labels import MISSING, SHOWN, fields, refuse

LINE_KEYS: Final = ("id", "data", "tags", "location", "captured_unix_ns")
TAP_KEYS: Final = ("kind", "topic", "sequence", "received_unix_ns", "size_bytes", "payload_type")
"""Further keys of `beats tap --json`, which are ignored: the stream numbers and times updates itself."""
MAX_UNIX_NS: Final = 2**63 - 1
"""The field on the wire is a signed 64-bit number."""


class RawLine(NamedTuple):
    """One line without its newline."""

    number: int
    """From 1."""
    text: bytes
    """Empty if the line was too long."""
    skipped_bytes: int = 0
    """The length of a line that was too long and was skipped."""


class LineCutter:
    """Takes bytes as they arrive, and returns the complete lines."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_bytes = max_line_bytes
        self._count = 0
        self._begun = bytearray()
        self._skipped_bytes = 0

    def feed(self, data: bytes) -> list[RawLine]:
        """The lines that `data` completes; the rest after the last newline waits for more."""
        *whole, rest = data.split(b"\n")
        lines = [self._end(part) for part in whole]
        self._add(rest)
        return lines

    def finish(self) -> list[RawLine]:
        """The last line if it has no newline: the input, or one writer's part of it, has ended."""
        return [self._end(b"")] if self._begun or self._skipped_bytes else []

    @property
    def endless(self) -> int:
        """The number of the line that is too long already and has not ended yet; 0 if there is none."""
        return self._count + 1 if self._skipped_bytes else 0

    def restart(self) -> None:
        """Count from 1 again: a new file starts."""
        self._count = 0

    def _end(self, part: bytes) -> RawLine:
        self._count += 1
        if self._begun or self._skipped_bytes:
            self._add(part)
            part = bytes(self._begun)
            self._begun.clear()
        elif len(part) > self._max_bytes:
            return RawLine(self._count, b"", len(part))
        skipped, self._skipped_bytes = self._skipped_bytes, 0
        return RawLine(self._count, part, skipped)

    def _add(self, part: bytes) -> None:
        if self._skipped_bytes or len(self._begun) + len(part) > self._max_bytes:
            self._skipped_bytes += len(self._begun) + len(part)
            self._begun.clear()
        else:
            self._begun += part


class Update(NamedTuple):
    """The content of a valid line."""

    message: Peripheral
    captured_unix_ns: int | None


def parse(line: bytes) -> Update:
    """Parse one line.

    Raises:
        ValueError: the line is invalid; says in one sentence what is wrong and what is expected.
    """
    wanted = 'an object such as {"id": "knob-1", "data": {}}'
    given = fields(_load(line), LINE_KEYS, "the line", wanted, TAP_KEYS)
    name = given.get("id", "")
    if not isinstance(name, str):
        refuse("id", "a text", name)
    data = given.get("data", MISSING)
    if data is MISSING:
        refuse("data", "any JSON value, or null", data)
    tags = given.get("tags")
    location = given.get("location")
    message = Peripheral(
        name,
        data,
        () if tags is None else _tags(tags),
        None if location is None else labels.location(location),
    )
    captured = given.get("captured_unix_ns")
    return Update(message, None if captured is None else _unix_ns(captured))


def _load(line: bytes) -> object:
    try:
        # Decoded here because `json` would guess UTF-16 from zero bytes.
        return _decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON: send null, or leave it out")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:SHOWN]} is too large for a double")
    return value


_decode: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode


def _tags(value: object) -> tuple[Tag, ...]:
    if not isinstance(value, list):
        refuse("tags", "a list of objects or texts", value)
    given = enumerate(cast("list[object]", value))
    return tuple(labels.tag(item, f"tags[{index}]") for index, item in given)


def _unix_ns(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_UNIX_NS:
        refuse("captured_unix_ns", "whole nanoseconds since 1970", value)
    return value
