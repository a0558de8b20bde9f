"""A virtual screen (Xvfb), whose pixels a test writes without an X client."""

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final, Self

import pytest

from tests.support import TIMEOUT_S

XVFB: Final = shutil.which("Xvfb")
_HEADER: Final = struct.Struct(">25I")
_COLOUR_BYTES: Final = 12


class Xvfb:
    """An X server with one screen of 24 bits; black at first.

    With `-fbdir` it keeps the pixels in a file that it maps into memory: XWDFile.h of X11, format of `xwd`.
    """

    def __init__(self, folder: Path, width: int = 64, height: int = 48) -> None:
        """Start it, and wait until it accepts connections; skips the test where there is none."""
        if XVFB is None:
            pytest.skip("Xvfb is not installed (Debian: xvfb)")
        self._width: Final = width
        there, here = os.pipe()
        arguments = ("-displayfd", str(here), "-nolisten", "tcp", "-fbdir", str(folder))
        screen = ("-screen", "0", f"{width}x{height}x24")
        self._process: Final = subprocess.Popen(
            [XVFB, *arguments, *screen], pass_fds=[here], stderr=subprocess.DEVNULL
        )
        os.close(here)
        with os.fdopen(there) as pipe:
            self.display: Final = f":{pipe.readline().strip()}"
        with (folder / "Xvfb_screen0").open("r+b") as file:
            self._memory: Final = mmap.mmap(file.fileno(), 0)
        header = _HEADER.unpack_from(self._memory)
        self._pixels_at: Final = header[0] + header[19] * _COLOUR_BYTES
        self._line_bytes: Final = header[12]

    def fill(self, left: int, top: int, width: int, height: int, rgb: tuple[int, int, int]) -> None:
        """Paint a rectangle."""
        row = bytes((*reversed(rgb), 0)) * width
        for y in range(top, top + height):
            at = self._pixels_at + y * self._line_bytes + 4 * left
            self._memory[at : at + len(row)] = row

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait(TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(TIMEOUT_S)
        self._memory.close()
