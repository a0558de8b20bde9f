"""Videos, read back by FFmpeg's libraries."""

import importlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from beats.kernel.envelope import Frame
from beats.kernel.errors import MissingPackageError
from beats.recordings.export.mp4 import TICKS_PER_S, Mp4Writer
from beats.recordings.export.outputs import open_outputs
from beats.recordings.export.passes import export
from beats.recordings.export.png import FrameError
from beats.recordings.selection import Selection
from tests.recordings.export.material import BLUE, GREEN, RED, plain_png, png, record
from tests.support import picture

TOLERANCE: Final = 3
"""Of a colour that went through 8 bits of YUV and a codec that loses little."""
av: Any = importlib.import_module("av")  # its annotations leave types open


def read(path: Path) -> tuple[Any, list[tuple[Fraction, Image.Image]]]:
    """The stream's facts, and the pictures with their times in seconds."""
    with av.open(f"file:{path}") as container:
        (stream,) = container.streams
        facts = stream.codec_context.name, stream.pix_fmt, stream.frames, stream.duration * stream.time_base
        frames = [
            (
                frame.pts * stream.time_base,
                frame.reformat(format="rgb24", src_colorspace="ITU709").to_image(),
            )
            for frame in container.decode(stream)
        ]
    return facts, frames


def is_near(image: Image.Image, x: int, y: int, colour: tuple[int, ...]) -> bool:
    found = image.getpixel((x, y))
    assert isinstance(found, tuple)
    return all(abs(one - other) <= TOLERANCE for one, other in zip(found, colour, strict=True))


def test_frames_keep_their_times_and_colours(tmp_path: Path) -> None:
    """Uneven times to the tick, at a rate that varies; the last frame is shown for the median time."""
    colours = [RED, GREEN, BLUE, (128, 128, 128), (10, 200, 90)]
    times_s = [0.0, 0.01, 0.2143, 0.5, 3600.123456]
    show = [(at_s, Frame(plain_png(each, (32, 16)))) for at_s, each in zip(times_s, colours, strict=True)]
    (result,) = export(
        Selection([record(tmp_path / "a.mcap", show)]),
        open_outputs(mp4=tmp_path / "a:b.mp4"),
        pytest.fail,
        lambda _: None,
    )
    assert result.text.startswith("5 frames, 3,600.33 s, ")
    (codec, form, count, lasts_s), frames = read(result.path)
    assert (codec, form, count) == ("h264", "yuv420p", 5)
    assert [each for each, _ in frames] == [Fraction(round(at * TICKS_PER_S), TICKS_PER_S) for at in times_s]
    assert lasts_s - frames[-1][0] == pytest.approx(0.204, abs=0.001)
    assert all(is_near(image, 9, 9, colour) for (_, image), colour in zip(frames, colours, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "a:b.mp4"]


def test_the_index_is_at_the_beginning(tmp_path: Path) -> None:
    """So that a browser can play a video while it loads."""
    writer = Mp4Writer(tmp_path / "a.mp4")
    writer.add(0, plain_png(RED))
    writer.finish()
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_odd_sizes_are_padded_and_other_sizes_fitted(tmp_path: Path) -> None:
    """With black: to the right and below, and around a picture of another form; the latter is counted."""
    writer = Mp4Writer(tmp_path / "a.mp4")
    transparent = png(Image.new("RGBA", (65, 33), (*RED, 0)))
    frames = [plain_png(RED, (65, 33)), plain_png(GREEN, (33, 33)), picture("jpeg", 65, 33, 200), transparent]
    for at_s, data in enumerate(frames):
        writer.add(at_s, data)
    writer.finish()
    _, shown = read(tmp_path / "a.mp4")
    red, green, grey, hidden = (image for _, image in shown)
    black = (0, 0, 0)
    assert red.size == (66, 34)
    assert is_near(red, 30, 16, RED)
    assert is_near(green, 32, 16, GREEN)
    assert is_near(green, 4, 16, black)
    assert is_near(green, 60, 16, black)
    assert is_near(grey, 30, 16, (200, 200, 200))
    assert is_near(hidden, 30, 16, black)
    assert writer.converted == 1


def test_frames_that_cannot_be_decoded_are_refused(tmp_path: Path) -> None:
    """Also as the first one; the others are written."""
    writer = Mp4Writer(tmp_path / "a.mp4")
    for at_s, data in enumerate([b"no picture", plain_png(RED), plain_png(RED)[:50], plain_png(BLUE)]):
        if data in (plain_png(RED), plain_png(BLUE)):
            writer.add(at_s, data)
        else:
            with pytest.raises(FrameError):
                writer.add(at_s, data)
    writer.finish()
    assert [each for each, _ in read(tmp_path / "a.mp4")[1]] == [0, 2]


def test_frames_at_one_time_are_one(tmp_path: Path) -> None:
    """The last of them; a clock that was set back does not stop the video."""
    writer = Mp4Writer(tmp_path / "a.mp4")
    for at_s, colour in ((5.0, RED), (5.0, GREEN), (4.0, BLUE), (6.0, RED)):
        writer.add(at_s, plain_png(colour, (16, 16)))
    writer.finish()
    _, frames = read(tmp_path / "a.mp4")
    assert [each for each, _ in frames] == [0, 2]
    assert is_near(frames[0][1], 4, 4, BLUE)
    assert writer.pace.passed_over == 2


def test_without_frames_there_is_no_video(tmp_path: Path) -> None:
    """Also when it is discarded after some."""
    recording = record(tmp_path / "a.mcap", [(0.0, Frame(plain_png(RED)))])
    outputs = open_outputs(mp4=tmp_path / "a.mp4")
    (result,) = export(Selection([recording], topics=["x"]), outputs, pytest.fail, lambda _: None)
    assert not result.is_written
    (output,) = open_outputs(mp4=tmp_path / "a.mp4")
    for batch in Selection([recording]).batches(0.0, lambda path, damage: None):
        output.add(batch[0], Frame(plain_png(RED)))
    output.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install, and there is no file; so is a build without an encoder."""
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(MissingPackageError, match="needs libx264, which this av lacks"):
        open_outputs(mp4=tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    lacking = r"--mp4 needs the package 'av', .*: pip install 'beats\[video\]'"
    with pytest.raises(MissingPackageError, match=lacking):
        open_outputs(mp4=tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
