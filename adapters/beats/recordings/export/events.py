"""Peripheral updates as text, one a line: JSON objects or rows of a table."""

import csv
import json
from typing import IO, Final

from beats.kernel.envelope import Peripheral
from beats.proto.foxglove import update_fields
from beats.recordings.format import RecordedMessage, iso

COLUMNS: Final = ("time", "unix_ns", "captured_unix_ns", "id", "sequence", "tags", "location", "data")
_AS_JSON: Final = ("tags", "location", "data")
_ROW_END: Final = "\r\n"
"""The line terminator for `csv`, which quotes a cell with a character of it. Before Python 3.11.9 it does not
quote a carriage return otherwise (https://github.com/python/cpython/pull/115741)."""


class JsonlWriter:
    """Writes one JSON object a line (https://jsonlines.org)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Final = file

    def add(self, message: RecordedMessage, update: Peripheral) -> None:
        """Write a line."""
        self._file.write(_json(event(message, update)).encode() + b"\n")


class CsvWriter:
    """Writes a header and one row a line (RFC 4180); tags, location and data are columns of JSON."""

    def __init__(self, file: IO[bytes]) -> None:
        self._rows: Final = csv.writer(_Encoded(file), lineterminator=_ROW_END)
        self._rows.writerow(COLUMNS)

    def add(self, message: RecordedMessage, update: Peripheral) -> None:
        """Write a line."""
        found = event(message, update)
        self._rows.writerow(_cell(name, found[name]) for name in COLUMNS)


class _Encoded:
    """Encodes the rows of `csv` as UTF-8, and ends each with a single line feed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Final = file

    def write(self, row: str) -> int:
        return self._file.write(row.removesuffix(_ROW_END).encode() + b"\n")


def event(message: RecordedMessage, update: Peripheral) -> dict[str, object]:
    """The fields of an update, in the order of `COLUMNS`."""
    return {
        "time": iso(message.log_unix_ns),
        "unix_ns": message.log_unix_ns,
        "captured_unix_ns": message.captured_unix_ns,
        "id": update.id,
        "sequence": message.sequence,
        **update_fields(update),
    }


def _cell(name: str, value: object) -> object:
    if name == "location" and value is None:
        return ""
    return _json(value) if name in _AS_JSON else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
