"""Frames as files."""

from pathlib import Path

import pytest

from beats.kernel.envelope import Frame
from beats.recordings.content import Message
from beats.recordings.export.folder import FrameFolder, frame_name
from beats.recordings.files import Piece
from beats.recordings.scan import Times
from beats.recordings.selection import Chosen
from tests.recordings.export.material import BLUE, RED, plain_png

BEGIN_NS = 1_700_000_000_000_000_000


def chosen(unix_ns: int) -> Chosen:
    piece = Piece(Path("a.mcap"), Times(BEGIN_NS, BEGIN_NS), 0.0, continues=False)
    return Chosen(piece, 0.0, Message("frame", 1, unix_ns, unix_ns, b"", carried=False), repeated=False)


def test_each_frame_is_the_file_that_it_was(tmp_path: Path) -> None:
    """Byte for byte, in a folder that is made, with names in the order of recording."""
    folder = FrameFolder(tmp_path / "a" / "frames")
    pngs = [plain_png(RED), plain_png(BLUE), plain_png(RED)]
    for number, png_data in enumerate(pngs):
        folder.add(chosen(BEGIN_NS + number), Frame(png_data))
    assert folder.finish() == f"3 frames, {sum(map(len, pngs))} bytes"
    assert [path.read_bytes() for path in sorted((tmp_path / "a" / "frames").iterdir())] == pngs


def test_a_name_is_number_and_time() -> None:
    """Zero-padded, with the time in UTC to the microsecond, and no character that a disk refuses."""
    assert frame_name(1, BEGIN_NS + 5_999) == "0000001_20231114T221320.000005Z.png"
    assert frame_name(12_345_678, 2**64 - 1) == "12345678_25540721T233433.709551Z.png"


def test_a_folder_with_other_things_will_do(tmp_path: Path) -> None:
    """What is in it stays as it is."""
    (tmp_path / "notes.txt").write_text("mine")
    folder = FrameFolder(tmp_path)
    folder.add(chosen(BEGIN_NS), Frame(plain_png(RED)))
    folder.finish()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_with_frames_of_another_export_is_refused(tmp_path: Path) -> None:
    """They would mix; the error names one, and says what to do."""
    (tmp_path / frame_name(9, BEGIN_NS)).touch()
    with pytest.raises(FileExistsError, match=r"0000009_.*give another folder"):
        FrameFolder(tmp_path)


def test_a_frame_never_overwrites_a_file(tmp_path: Path) -> None:
    """One that came meanwhile stays, and nothing half is beside it."""
    folder = FrameFolder(tmp_path)
    theirs = tmp_path / frame_name(1, BEGIN_NS)
    theirs.write_text("theirs")
    with pytest.raises(FileExistsError):
        folder.add(chosen(BEGIN_NS), Frame(plain_png(RED)))
    assert list(tmp_path.iterdir()) == [theirs]
    assert theirs.read_text() == "theirs"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """The error says what would be right."""
    (tmp_path / "a").touch()
    with pytest.raises(NotADirectoryError, match="is no folder"):
        FrameFolder(tmp_path / "a")


def test_a_new_folder_that_stays_empty_is_taken_away(tmp_path: Path) -> None:
    """Without frames there is nothing to see; a folder that was there before stays."""
    assert FrameFolder(tmp_path / "new").finish() is None
    assert FrameFolder(tmp_path).finish() is None
    assert list(tmp_path.iterdir()) == []


def test_frames_that_were_written_stay_when_the_export_fails(tmp_path: Path) -> None:
    """Each of them is whole."""
    folder = FrameFolder(tmp_path / "new")
    folder.add(chosen(BEGIN_NS), Frame(plain_png(RED)))
    folder.discard()
    assert [path.read_bytes() for path in (tmp_path / "new").iterdir()] == [plain_png(RED)]
