"""Opening files of settings."""

import os
import socket
from pathlib import Path

import pytest

from beats.config.layers.files import IrregularFileError, not_utf8, open_regular


@pytest.mark.timeout(10)
def test_what_might_never_end_is_refused_at_once(tmp_path: Path) -> None:
    """A FIFO without a writer, a device; nothing is left open."""
    os.mkfifo(tmp_path / "fifo")
    before = set(Path("/dev/fd").iterdir())
    for path in (str(tmp_path / "fifo"), "/dev/zero"):
        with pytest.raises(IrregularFileError, match="is not a regular file"):
            open_regular(path, os.O_RDONLY)
    assert set(Path("/dev/fd").iterdir()) == before


def test_a_socket_cannot_be_opened(tmp_path: Path) -> None:
    """The system says so itself."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device or address"):
            open_regular(str(tmp_path / "socket"), os.O_RDONLY)


def test_a_file_and_the_null_device_are_opened(tmp_path: Path) -> None:
    """Each as it is."""
    (tmp_path / "file").write_bytes(b"abc")
    for path, content in ((str(tmp_path / "file"), b"abc"), (os.devnull, b"")):
        with open(path, "rb", opener=open_regular) as file:
            assert file.read() == content


def test_a_wrong_byte_is_named() -> None:
    """Where no byte order mark says more."""
    assert not_utf8(UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "")) == "is not UTF-8 text (at byte 2)"
