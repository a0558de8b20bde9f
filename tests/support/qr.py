"""QR codes on a terminal, read as a phone does."""

from collections.abc import Iterable

import zxingcpp


def read_by_a_phone(lines: Iterable[str]) -> str:
    """What a camera reads from lines that show two rows of modules each."""
    rows: list[list[int]] = []
    for line in lines:
        rows.append([0 if character in "▀█" else 255 for character in line])
        rows.append([0 if character in "▄█" else 255 for character in line])
    scale = 4
    pixels = b"".join(bytes(value for value in row for _ in range(scale)) * scale for row in rows)
    shape = (len(rows) * scale, len(rows[0]) * scale)
    (found,) = zxingcpp.read_barcodes(memoryview(pixels).cast("B", shape))
    return found.text
