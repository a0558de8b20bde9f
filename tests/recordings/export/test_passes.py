"""From recordings to outputs."""

import errno
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from beats.kernel.envelope import Frame, Kind, Message, Peripheral
from beats.kernel.errors import InputError
from beats.proto.codec import OPEN_CODEC
from beats.recordings.export.outputs import ExportOutput, open_outputs
from beats.recordings.export.passes import MOST_TOLD, Result, export
from beats.recordings.selection import Chosen, Selection
from tests.recordings.export.material import (
    BLUE,
    GREEN,
    RED,
    film,
    lines,
    pixels,
    plain,
    plain_png,
    record,
    shown,
    without_data,
)
from tests.support import picture


def animations(folder: Path, *names: str) -> list[ExportOutput]:
    """Of `a.gif`, a GIF, and `a.png`, an APNG, those that are named."""
    gif, apng = (folder / name if name in names else None for name in ("a.gif", "a.png"))
    return open_outputs(frames=None, gif=gif, apng=apng, events=[])


class Told:
    """Exports, and keeps what is said meanwhile."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.progress: list[float] = []

    def export(self, selection: Selection, outputs: Sequence[ExportOutput]) -> list[Result]:
        return export(selection, outputs, self.texts.append, self.progress.append)


class Failing:
    """An output on a full disk."""

    def __init__(self, error: BaseException) -> None:
        self.path = Path("full.gif")
        self.kinds: tuple[Kind, ...] = ("frame",)
        self.one_picture = True
        self.discarded = False
        self._error = error

    def add(self, chosen: Chosen, message: Message) -> None:
        raise self._error

    def finish(self) -> str | None:
        return None

    def discard(self) -> None:
        self.discarded = True


def test_one_call_writes_everything(tmp_path: Path) -> None:
    """Frames, both animations and both tables contain the same recording, and each is described."""
    show: list[tuple[float, Message]] = [*film(RED, GREEN, BLUE), (0.25, Peripheral("k", {"a": 1}))]
    recording = record(tmp_path / "a.mcap", show, chunk_of=2)
    outputs = open_outputs(
        frames=tmp_path / "f",
        gif=tmp_path / "a.gif",
        apng=tmp_path / "a.png",
        events=[tmp_path / "a.jsonl", tmp_path / "a.csv"],
    )
    told = Told()
    results = told.export(Selection([recording]), outputs)
    assert all(result.is_written for result in results)
    described = {result.path.name: result.text.split(",")[0] for result in results}
    frames, updates = dict.fromkeys(("f", "a.gif", "a.png"), "3 frames"), ("a.jsonl", "a.csv")
    assert described == frames | dict.fromkeys(updates, "1 update")
    expected = [(pixels(plain(colour)), 100) for colour in (RED, GREEN, BLUE)]
    assert shown(tmp_path / "a.gif") == shown(tmp_path / "a.png") == expected
    assert json.loads((tmp_path / "a.jsonl").read_text())["data"] == {"a": 1}
    assert told.texts == []
    assert told.progress == sorted(told.progress)
    assert told.progress[-1] == 1.0


def test_a_topic_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """Of the kinds that the output takes; where one matches, nothing is said of topics."""
    show: list[tuple[float, Message]] = [*film(RED), (0.2, Peripheral("k", 1))]
    recording = record(tmp_path / "a.mcap", show)
    for topic, text in (("frame/nope", ": no topic matches frame/nope; there are 'frame'"), ("frame", None)):
        outputs = (
            animations(tmp_path, "a.gif")
            if text
            else open_outputs(frames=None, gif=None, apng=None, events=[tmp_path / "a.csv"])
        )
        (result,) = Told().export(Selection([recording], topics=[topic]), outputs)
        assert not result.is_written
        assert result.text.endswith(
            text or "no readable updates: no topic matches frame; there are 'peripheral/k'"
        )


def test_one_picture_is_written_in_its_own_format(tmp_path: Path) -> None:
    """Topics choose it; with several, the export fails and names them. Animations decode any format."""
    jpegs = [Frame(picture("jpeg", 8, 8, shade), "cam", "image/jpeg", 8, 8) for shade in (0, 255)]
    show: list[tuple[float, Message]] = [(number / 10, each) for number, each in enumerate(jpegs)]
    late = Frame(plain_png(BLUE), "late")
    recording = record(tmp_path / "a.mcap", [*film(RED, GREEN), *show, (0.9, late)])
    named = r"several pictures \('frame', 'frame/cam', 'frame/late'\): choose one, such as --topics frame"
    with pytest.raises(InputError, match=named):
        Told().export(
            Selection([recording]),
            open_outputs(frames=tmp_path / "f", gif=tmp_path / "a.gif", apng=tmp_path / "a.png"),
        )
    with pytest.raises(InputError, match=named):  # without a pass before: after frames were written
        Told().export(Selection([recording]), open_outputs(frames=tmp_path / "f", mp4=tmp_path / "a.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]
    outputs = open_outputs(frames=tmp_path / "f", gif=tmp_path / "a.gif", apng=tmp_path / "a.png", events=[])
    Told().export(Selection([recording], topics=["frame/cam"]), outputs)
    assert sorted(path.suffix for path in (tmp_path / "f").iterdir()) == [".jpeg", ".jpeg"]
    assert {path.read_bytes() for path in (tmp_path / "f").iterdir()} == {each.data for each in jpegs}
    expected = [pixels(plain((shade,) * 3, (8, 8))) for shade in (0, 255)]
    assert [each for each, _ in shown(tmp_path / "a.gif")] == expected
    assert [each for each, _ in shown(tmp_path / "a.png")] == expected


def test_only_what_was_chosen_is_written(tmp_path: Path) -> None:
    """Start and end apply to frames and updates, topics to both."""
    show = [*film(RED, GREEN, BLUE, RED), *((at, Peripheral(id_, at)) for at in (0.05, 0.15) for id_ in "ab")]
    recording = record(tmp_path / "a.mcap", sorted(show, key=lambda each: each[0]))
    outputs = open_outputs(frames=None, gif=tmp_path / "a.gif", apng=None, events=[tmp_path / "a.jsonl"])
    chosen = Selection([recording], start="0.1", end="0.3", topics=["frame", "peripheral/b"])
    Told().export(chosen, outputs)
    assert [each for each, _ in shown(tmp_path / "a.gif")] == [pixels(plain(GREEN)), pixels(plain(BLUE))]
    found = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(each["id"], each["data"]) for each in found] == [("b", 0.15)]


def test_state_that_a_later_part_repeats_is_written_once(tmp_path: Path) -> None:
    """Two parts of a recording make one animation, with the time that passed between them."""
    first = film(RED, GREEN)
    second = [(at_s + 0.2, frame) for at_s, frame in film(BLUE, RED)]
    paths = [
        record(tmp_path / "a.mcap", first),
        record(tmp_path / "b.mcap", second, carried=lines([(0.2, first[-1][1])])),
    ]
    Told().export(Selection(paths), animations(tmp_path, "a.png"))
    assert shown(tmp_path / "a.png") == [(pixels(plain(colour)), 100) for colour in (RED, GREEN, BLUE, RED)]


def test_damage_is_told_once_and_passed_over(tmp_path: Path) -> None:
    """File, offset and reason are reported once, also with two passes; the rest is written."""
    recording = record(tmp_path / "a.mcap", film(RED, GREEN, BLUE), chunk_of=1)
    data = bytearray(recording.read_bytes())
    data[data.index(plain_png(GREEN)) + 40] ^= 1
    recording.write_bytes(data)
    told = Told()
    told.export(Selection([recording]), animations(tmp_path, "a.png"))
    (text,) = told.texts
    assert text.startswith(f"{recording}: at byte ")
    assert "a chunk: its content is damaged" in text
    assert [each for each, _ in shown(tmp_path / "a.png")] == [pixels(plain(RED)), pixels(plain(BLUE))]


def test_frames_that_cannot_be_decoded_are_left_out_and_told(tmp_path: Path) -> None:
    """Animations continue without them and report it; the folder gets the original files."""
    broken = without_data(plain_png(GREEN))
    frames = (plain_png(RED), broken, plain_png(BLUE))
    recording = record(tmp_path / "a.mcap", [(at / 10, Frame(each)) for at, each in enumerate(frames)])
    told = Told()
    outputs = open_outputs(frames=tmp_path / "f", gif=tmp_path / "a.gif", apng=tmp_path / "a.png", events=[])
    results = told.export(Selection([recording]), outputs)
    left_out = ["1 left out that could not be decoded" in result.text for result in results]
    assert left_out == [False, True, True]
    assert len(told.texts) == 2
    assert told.texts[0].startswith(f"{recording}: frame, sequence 2, is left out of {tmp_path / 'a.gif'}: ")
    for name in ("a.gif", "a.png"):
        assert shown(tmp_path / name) == [(pixels(plain(RED)), 200), (pixels(plain(BLUE)), 200)]
    assert broken in [path.read_bytes() for path in (tmp_path / "f").iterdir()]


def test_many_that_are_left_out_are_counted(tmp_path: Path) -> None:
    """After the first few, broken frames are only counted."""
    broken: list[tuple[float, Message]] = [(at / 10, Frame(b"\x89PNG\r\n\x1a\n")) for at in range(50)]
    recording = record(tmp_path / "a.mcap", broken)
    told = Told()
    (result,) = told.export(Selection([recording]), animations(tmp_path, "a.gif"))
    assert not result.is_written
    assert "50 left out" in result.text
    assert len(told.texts) == MOST_TOLD + 1
    assert not (tmp_path / "a.gif").exists()


def test_what_holds_nothing_is_not_written(tmp_path: Path) -> None:
    """An empty output is reported, and does not affect the others."""
    recording = record(tmp_path / "a.mcap", film(RED, BLUE))
    outputs = open_outputs(frames=None, gif=tmp_path / "a.gif", apng=None, events=[tmp_path / "a.csv"])
    results = Told().export(Selection([recording]), outputs)
    assert [result.is_written for result in results] == [True, False]
    assert "no readable updates" in results[1].text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.mcap"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_export_leaves_no_half_file(error: BaseException, tmp_path: Path) -> None:
    """After a full disk or an interrupt, all outputs are removed. The error of the disk gets a file name."""
    recording = record(tmp_path / "a.mcap", film(RED, BLUE))
    outputs = animations(tmp_path, "a.gif", "a.png")
    failing = Failing(error)
    with pytest.raises(type(error), match=r"full\.gif" if isinstance(error, OSError) else None):
        Told().export(Selection([recording]), [*outputs, failing])
    assert failing.discarded
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


def test_messages_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are left out of every output."""
    recording = record(tmp_path / "a.mcap", film(RED, BLUE))

    def unreadable(_: bytes) -> None:
        raise ValueError("it is something else")

    monkeypatch.setattr(OPEN_CODEC, "decode", unreadable)
    told = Told()
    (result,) = told.export(Selection([recording]), animations(tmp_path, "a.gif"))
    assert not result.is_written
    assert told.texts[0] == f"{recording}: frame, sequence 1, is left out: it is something else"
