"""The files of an export."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame, Peripheral
from beats.kit import units
from beats.recordings.export.outputs import (
    Animation,
    EventTable,
    FrameFolder,
    LooksAhead,
    LosslessAnimation,
    counted,
    frame_name,
    open_outputs,
)
from beats.recordings.export.png import PictureError
from beats.recordings.files import Piece
from beats.recordings.format import RecordedMessage
from beats.recordings.scan import Times
from beats.recordings.selection import Chosen
from tests.recordings.export.material import BLUE, GREEN, RED, pixels, plain, plain_png, shown

CHOSEN = Chosen(
    Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False),
    0.0,
    RecordedMessage("peripheral/k", 1, 0, 0, b"", carried=False),
    repeated=False,
)


def test_all_that_is_named_is_opened(tmp_path: Path) -> None:
    """Each under its own path, with the kind that it takes; only the APNG looks ahead."""
    outputs = open_outputs(
        frames=tmp_path / "f", gif=tmp_path / "g", apng=tmp_path / "a", events=[tmp_path / "e.csv"]
    )
    assert [(output.path.name, output.kind) for output in outputs] == [
        ("f", "frame"),
        ("g", "frame"),
        ("a", "frame"),
        ("e.csv", "peripheral"),
    ]
    assert [isinstance(output, LooksAhead) for output in outputs] == [False, False, True, False]
    for output in outputs:
        output.discard()
    assert list(tmp_path.iterdir()) == []


def test_when_one_cannot_be_opened_nothing_is_left_of_the_others(tmp_path: Path) -> None:
    """The error names the one, and what is there stays as it is."""
    (tmp_path / "e.csv").write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        open_outputs(frames=tmp_path / "f", gif=tmp_path / "g", apng=None, events=[tmp_path / "e.csv"])
    assert caught.value.filename == str(tmp_path / "e.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["e.csv"]
    assert (tmp_path / "e.csv").read_text() == "mine"


@pytest.mark.parametrize(("name", "begins"), [("a.CSV", "time,unix_ns,"), ("a.jsonl", '{"time":')])
def test_the_suffix_says_the_format(name: str, begins: str, tmp_path: Path) -> None:
    """In capitals too; the end says how many updates there are."""
    table = EventTable(tmp_path / name)
    table.add(CHOSEN, Peripheral("k", 1))
    text = table.finish()
    written = (tmp_path / name).read_text()
    assert text == f"1 update, {units.size(len(written))}"
    assert written.startswith(begins)


def test_without_updates_there_is_no_table(tmp_path: Path) -> None:
    """Not even its head."""
    assert EventTable(tmp_path / "a.csv").finish() is None
    assert list(tmp_path.iterdir()) == []


BEGIN_NS = 1_700_000_000_000_000_000


def chosen(unix_ns: int) -> Chosen:
    piece = Piece(Path("a.mcap"), Times(BEGIN_NS, BEGIN_NS), 0.0, continues=False)
    return Chosen(
        piece, 0.0, RecordedMessage("frame", 1, unix_ns, unix_ns, b"", carried=False), repeated=False
    )


def test_each_frame_is_the_file_that_it_was(tmp_path: Path) -> None:
    """Byte for byte, in a folder that is made, with names in the order of recording."""
    folder = FrameFolder(tmp_path / "a" / "frames")
    pngs = [plain_png(RED), plain_png(BLUE), plain_png(RED)]
    for number, png_data in enumerate(pngs):
        folder.add(chosen(BEGIN_NS + number), Frame(png_data))
    assert folder.finish() == f"3 frames, {units.size(sum(map(len, pngs)))}"
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
    with pytest.raises(NotADirectoryError, match="is not a folder"):
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


KINDS = [Animation, LosslessAnimation]


def fill(animation: Animation, frames: Sequence[tuple[float, bytes]]) -> None:
    if isinstance(animation, LosslessAnimation):
        for _, png_data in frames:
            animation.look_at(png_data)
    piece = Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False)
    for at_s, png_data in frames:
        message = RecordedMessage("frame", 1, 0, 0, b"", carried=False)
        animation.add(Chosen(piece, at_s, message, repeated=False), Frame(png_data))


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_says_what_the_file_holds(kind: type[Animation], tmp_path: Path) -> None:
    """Frames, seconds and size; and the file is there under its name."""
    animation = kind(tmp_path / "a")
    fill(animation, [(number, plain_png(colour)) for number, colour in enumerate([RED, GREEN, BLUE])])
    size = (tmp_path / "a.part").stat().st_size
    assert size >= 0
    text = animation.finish()
    assert text == f"3 frames, 3.00 s, {units.size((tmp_path / 'a').stat().st_size)}"
    assert [each for each, _ in shown(tmp_path / "a")] == [
        pixels(plain(colour)) for colour in (RED, GREEN, BLUE)
    ]


@pytest.mark.parametrize(("kind", "least"), [(Animation, "20 ms"), (LosslessAnimation, "11 ms")])
def test_the_end_says_what_became_of_frames(kind: type[Animation], least: str, tmp_path: Path) -> None:
    """How many were passed over or converted, and why."""
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN)), (1.001, plain_png(BLUE, (9, 9)))])
    text = animation.finish()
    assert text is not None
    assert f"; 1 skipped that would have lasted under {least}; 1 converted, as" in text


@pytest.mark.parametrize("kind", KINDS)
def test_without_frames_there_is_no_file(kind: type[Animation], tmp_path: Path) -> None:
    """Also when all that came could not be decoded."""
    assert kind(tmp_path / "a").finish() is None
    animation = kind(tmp_path / "a")
    with pytest.raises(PictureError):
        fill(animation, [(0, b"no picture")])
    assert animation.finish() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_discarded_leaves_nothing(kind: type[Animation], tmp_path: Path) -> None:
    """A half file is taken away."""
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN))])
    animation.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_may_have_got_its_first_frame_since(tmp_path: Path) -> None:
    """When there was none to look at, the first that comes decides the form."""
    animation = LosslessAnimation(tmp_path / "a")
    piece = Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False)
    chosen = Chosen(piece, 0.0, RecordedMessage("frame", 1, 0, 0, b"", carried=False), repeated=False)
    animation.add(chosen, Frame(plain_png(RED)))
    assert animation.finish() is not None
    assert shown(tmp_path / "a")[0][0] == pixels(plain(RED))


def test_one_is_no_plural() -> None:
    """The noun agrees with the number, and large numbers are grouped."""
    assert [counted(number, "frame") for number in (0, 1, 1234)] == ["0 frames", "1 frame", "1,234 frames"]
