"""Frames as files in a folder."""

import errno
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from beats.kernel.envelope import Frame, Kind, Message
from beats.recordings.export.target import Target
from beats.recordings.export.wording import counted, megabytes
from beats.recordings.selection import Chosen

_FRAME_NAME: Final = re.compile(r"\d{7,}_\d{8}T\d{6}\.\d{6}Z\.png(\.part)?")


class FrameFolder:
    """Each frame as the PNG file it was, in a folder."""

    def __init__(self, path: Path) -> None:
        """Make the folder, if need be.

        Raises:
            OSError: it cannot be made, or holds frames of another export.
        """
        self.path: Final = path
        self.kind: Final[Kind] = "frame"
        self._frames = self._size_bytes = 0
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, "is no folder: give one, or a name for a new one", str(path)
            )
        self._is_new: Final = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        if found := next((each.name for each in path.iterdir() if _FRAME_NAME.fullmatch(each.name)), None):
            text = f"holds exported frames already ({found}): give another folder, or empty it"
            raise FileExistsError(errno.EEXIST, text, str(path))

    def add(self, chosen: Chosen, message: Message) -> None:
        """Write a frame."""
        png_data = cast("Frame", message).png_data
        target = Target(self.path / frame_name(self._frames + 1, chosen.unix_ns))
        try:
            target.file.write(png_data)
            target.commit(sync=False)  # the disk would take longer over each of them than all else together
        except BaseException:
            target.discard()
            raise
        self._frames += 1
        self._size_bytes += len(png_data)

    def finish(self) -> str | None:
        """What was written; a new folder that stayed empty is taken away."""
        if not self._frames:
            self.discard()
            return None
        return f"{counted(self._frames, 'frame')}, {megabytes(self._size_bytes)}"

    def discard(self) -> None:
        """Take a new folder away if it is empty; frames in it are whole, and stay."""
        if self._is_new:
            with suppress(OSError):
                self.path.rmdir()


def frame_name(number: int, unix_ns: int) -> str:
    """The name of a file: its number, and the time in ISO 8601's basic form, as not all disks take colons."""
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)  # 64 bits of nanoseconds end in the year 2554
    return f"{number:07}_{moment:%Y%m%dT%H%M%S}.{ns // 1000:06}Z.png"
