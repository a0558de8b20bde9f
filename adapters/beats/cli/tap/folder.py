"""Frames as files in a folder."""

import errno
from pathlib import Path
from typing import Final

from beats.cli.tap.item import Item
from beats.kernel.envelope import Frame
from beats.recordings.export.target import Target


class FrameFolder:
    """Each frame as the PNG file it was, by its sequence number. Nothing is ever overwritten."""

    def __init__(self, path: Path) -> None:
        """Make the folder, if need be.

        Raises:
            OSError: it cannot be made.
        """
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, "is no folder: give one, or a name for a new one", str(path)
            )
        path.mkdir(parents=True, exist_ok=True)
        self._path: Final = path
        self.saved = 0
        self.kept = 0
        """Frames that were not saved because another picture has their name."""

    def save(self, item: Item, frame: Frame) -> Path | None:
        """Save a frame; gives the file that is in its way, if there is one with another picture.

        Raises:
            OSError: the disk does not take it; nothing is left of it.
        """
        # Without a number it is known by when it came.
        name = f"{item.sequence}.png" if item.sequence else f"at-{item.received_unix_ns}.png"
        path = self._path / name
        try:
            self._write(path, frame.png_data)
        except FileExistsError as error:
            if error.filename == str(path) and path.read_bytes() == frame.png_data:  # once more the state
                return None
            self.kept += 1
            return Path(str(error.filename))
        self.saved += 1
        return None

    def _write(self, path: Path, png_data: bytes) -> None:
        target = Target(path)
        try:
            target.file.write(png_data)
            target.commit(sync=False)  # the disk would take longer over each of them than all else together
        except BaseException as error:
            target.discard()
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(path)
            raise
