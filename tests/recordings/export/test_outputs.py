"""The files of an export."""

import random
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from beats.kernel.envelope import Frame, Peripheral
from beats.kit import units
from beats.recordings.export import outputs
from beats.recordings.export.outputs import (
    Animation,
    EventTable,
    FrameFolder,
    LooksAhead,
    LosslessAnimation,
    frame_name,
    open_outputs,
)
from beats.recordings.export.png import FrameError, fitted
from beats.recordings.files import Piece
from beats.recordings.format import RecordedMessage
from beats.recordings.scan import Times
from beats.recordings.selection import Chosen
from tests.recordings.export.material import BEGIN_NS, BLUE, GREEN, RED, pixels, plain, plain_png, png, shown

KINDS = [Animation, LosslessAnimation]


def chosen(unix_ns: int = BEGIN_NS, at_s: float = 0.0) -> Chosen:
    piece = Piece(Path("a.mcap"), Times(BEGIN_NS, BEGIN_NS), 0.0, continues=False)
    return Chosen(piece, at_s, RecordedMessage("frame", 1, unix_ns, unix_ns, b""), repeated=False)


def fill(animation: Animation, frames: Sequence[tuple[float, bytes]]) -> None:
    if isinstance(animation, LosslessAnimation):
        for _, png_data in frames:
            animation.look_at(png_data)
    for at_s, png_data in frames:
        animation.add(chosen(at_s=at_s), Frame(png_data))


def test_all_named_outputs_are_opened(tmp_path: Path) -> None:
    """Each with its own path, kinds and number of pictures; only the APNG looks ahead."""
    names = {name: tmp_path / name for name in ("frames", "gif", "apng", "mp4", "foxglove")}
    opened = open_outputs(**names, events=[tmp_path / "e.csv"])
    assert [output.path.name for output in opened] == [*names, "e.csv"]
    frame, both, update = ("frame",), ("frame", "peripheral"), ("peripheral",)
    assert [output.kinds for output in opened] == [frame, frame, frame, frame, both, update]
    assert [output.one_picture for output in opened] == [True, True, True, True, False, False]
    assert [output for output in opened if isinstance(output, LooksAhead)] == [opened[2]]
    for output in opened:
        output.discard()
    assert list(tmp_path.iterdir()) == []


def test_if_one_output_cannot_be_opened_the_others_are_removed(tmp_path: Path) -> None:
    """The error names the output; an existing file is left."""
    (tmp_path / "e.csv").write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        open_outputs(frames=tmp_path / "f", gif=tmp_path / "g", apng=None, events=[tmp_path / "e.csv"])
    assert caught.value.filename == str(tmp_path / "e.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["e.csv"]
    assert (tmp_path / "e.csv").read_text() == "mine"


@pytest.mark.parametrize(("name", "begins"), [("a.CSV", "time,unix_ns,"), ("a.jsonl", '{"time":')])
def test_the_suffix_determines_the_format(name: str, begins: str, tmp_path: Path) -> None:
    """In capitals, too; the end reports the number of updates."""
    table = EventTable(tmp_path / name)
    table.add(chosen(), Peripheral("k", 1))
    text = table.finish()
    written = (tmp_path / name).read_text()
    assert text == f"1 update, {units.size(len(written))}"
    assert written.startswith(begins)


def test_an_empty_output_is_removed(tmp_path: Path) -> None:
    """A table without updates, a new folder without frames; a folder that existed before stays."""
    assert EventTable(tmp_path / "a.csv").finish() is None
    assert FrameFolder(tmp_path / "new").finish() is None
    assert FrameFolder(tmp_path).finish() is None
    assert list(tmp_path.iterdir()) == []


def test_frames_are_written_as_the_original_files(tmp_path: Path) -> None:
    """Byte for byte, into a folder that is created, with names in order; after the end they stay."""
    folder = FrameFolder(tmp_path / "a" / "frames")
    pngs = [plain_png(RED), plain_png(BLUE), plain_png(RED)]
    for number, png_data in enumerate(pngs):
        folder.add(chosen(BEGIN_NS + number), Frame(png_data))
    assert folder.finish() == f"3 frames, {units.size(sum(map(len, pngs)))}"
    folder.discard()
    assert [path.read_bytes() for path in sorted((tmp_path / "a" / "frames").iterdir())] == pngs


def test_frames_of_an_export_that_fails_are_removed(tmp_path: Path) -> None:
    """With their folder if it is new. Other files stay, also one with the name of a frame."""
    new, existing = FrameFolder(tmp_path / "new"), FrameFolder(tmp_path)
    others = {
        tmp_path / name for name in (frame_name(2, BEGIN_NS + 5000), frame_name(4, BEGIN_NS), "notes.txt")
    }
    for folder in (new, existing):
        for number in range(3):
            folder.add(chosen(BEGIN_NS + number * 1000), Frame(plain_png(RED)))
    for other in others:
        other.write_text("mine")
    new.discard()
    existing.discard()
    assert {*tmp_path.iterdir()} == others


def test_a_signal_amid_a_frame_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come when the file was made, and before anything knows of it."""
    folder = FrameFolder(tmp_path / "new")
    folder.add(chosen(), Frame(plain_png(RED)))

    def interrupted(path: Path, _data: bytes) -> None:
        path.with_name(path.name + ".part").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs, "write_new", interrupted)
    with pytest.raises(KeyboardInterrupt):
        folder.add(chosen(BEGIN_NS + 1000), Frame(plain_png(RED)))
    folder.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_frame_has_its_number_and_time() -> None:
    """Zero-padded, with the time in UTC to the microsecond, and without characters that disks refuse."""
    assert frame_name(1, BEGIN_NS + 5_999) == "0000001_20231114T221320.000005Z.png"
    assert frame_name(12_345_678, 2**64 - 1) == "12345678_25540721T233433.709551Z.png"


def test_frames_overwrite_nothing(tmp_path: Path) -> None:
    """Other files in the folder are left, also one that was created meanwhile with the name of a frame."""
    (tmp_path / "notes.txt").write_text("mine")
    folder = FrameFolder(tmp_path)
    theirs = tmp_path / frame_name(1, BEGIN_NS)
    theirs.write_text("theirs")
    with pytest.raises(FileExistsError):
        folder.add(chosen(), Frame(plain_png(RED)))
    folder.discard()
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine", "theirs"}


def test_unsuitable_folders_are_refused(tmp_path: Path) -> None:
    """A file, and a folder with frames of another export, with which they would mix; says what to do."""
    (tmp_path / "a").touch()
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        FrameFolder(tmp_path / "a")
    (tmp_path / frame_name(9, BEGIN_NS)).touch()
    with pytest.raises(FileExistsError, match=r"0000009_.*give another folder"):
        FrameFolder(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_animation_reports_its_content(kind: type[Animation], tmp_path: Path) -> None:
    """Frames, seconds and size; the file has its name."""
    animation = kind(tmp_path / "a")
    fill(animation, [(number, plain_png(colour)) for number, colour in enumerate([RED, GREEN, BLUE])])
    text = animation.finish()
    assert text == f"3 frames, 3.00 s, {units.size((tmp_path / 'a').stat().st_size)}"
    assert [each for each, _ in shown(tmp_path / "a")] == [pixels(plain(each)) for each in (RED, GREEN, BLUE)]


@pytest.mark.parametrize(("kind", "least"), [(Animation, "20 ms"), (LosslessAnimation, "11 ms")])
def test_skipped_and_converted_frames_are_reported(kind: type[Animation], least: str, tmp_path: Path) -> None:
    """How many, and why; the first frame determines the size, into which another one is fitted."""
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN)), (1.001, plain_png(BLUE, (9, 9)))])
    text = animation.finish()
    assert text is not None
    assert f"; 1 skipped that would have lasted under {least}; 1 converted, as" in text
    assert shown(tmp_path / "a")[1][0] == pixels(fitted(plain(BLUE, (9, 9)), (4, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_animation_without_frames_is_removed(kind: type[Animation], tmp_path: Path) -> None:
    """Also if no frame could be decoded, or it is discarded."""
    assert kind(tmp_path / "a").finish() is None
    animation = kind(tmp_path / "a")
    with pytest.raises(FrameError):
        fill(animation, [(0, b"no picture")])
    assert animation.finish() is None
    animation = kind(tmp_path / "a")
    fill(animation, [(0, plain_png(RED)), (1, plain_png(GREEN))])
    animation.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_first_frame_recorded_after_the_survey_determines_the_form(tmp_path: Path) -> None:
    """The survey of an APNG may have found no frames."""
    animation = LosslessAnimation(tmp_path / "a")
    animation.add(chosen(), Frame(plain_png(RED)))
    assert animation.finish() is not None
    assert shown(tmp_path / "a")[0][0] == pixels(plain(RED))


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_film_takes_no_more_memory_than_a_short_one(kind: type[Animation], tmp_path: Path) -> None:
    """Only a few frames are in memory at a time."""
    rng = random.Random(1)
    animation = kind(tmp_path / "a")
    tracemalloc.start()
    try:
        for number in range(15):
            image = Image.frombytes("RGB", (200, 200), rng.randbytes(120_000))
            animation.add(chosen(at_s=number / 10), Frame(png(image, compress_level=0)))
        assert str(animation.finish()).startswith("15 frames, 1.50 s")
        assert tracemalloc.get_traced_memory()[1] < 10 * 120_000
    finally:
        tracemalloc.stop()
