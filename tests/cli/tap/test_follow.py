"""Following a stream, and saving its frames."""

import json
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import anyio
import pytest

from beats.cli.address import parse
from beats.cli.failures import ServerError
from beats.cli.tap.follow import Follower, FrameSaver, TapOptions, tap
from beats.cli.tap.item import Item, Notice, Unreadable
from beats.cli.tap.lines import Event
from beats.kernel.envelope import Frame
from beats.kit.gaps import Gap
from tests.cli.tap.envelopes import AT_NS, frame, holding, item, serving, update
from tests.support import TIMEOUT_S, tiny_png

pytestmark = pytest.mark.anyio


class Memory:
    """A show that remembers."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def show(self, event: Event) -> None:
        if isinstance(event, Item):
            self.seen.append(f"{event.topic} {event.sequence}")
        elif isinstance(event, Gap):
            self.seen.append(f"{event.topic} {event.missing} missing")
        elif isinstance(event, Notice):
            self.seen.append(event.text)
        else:
            self.seen.append("unreadable" if isinstance(event, Unreadable) else "back")


async def follow(
    *given: str | bytes | Notice, count: int | None = None, folder: FrameSaver | None = None
) -> tuple[list[str], str | None]:
    async def found() -> AsyncGenerator[str | bytes | Notice]:
        for each in given:
            yield each
        raise ServerError("the server closed the stream")

    show = Memory()
    ended = await Follower(show, folder, count).follow(found())
    return show.seen, None if ended is None else str(ended)


async def test_everything_is_shown_in_its_order() -> None:
    """Messages, missing numbers and notices; only messages count to the end, readable or not."""
    given = (frame(1), update(5), "a text", frame(4), Notice("gone"), frame(2))
    seen, ended = await follow(*given)
    said = "frame 1, peripheral/knob-1 5, unreadable, frame 2 missing, frame 4, gone, back, frame 2"
    assert (", ".join(seen), ended) == (said, "the server closed the stream")
    seen, ended = await follow(frame(1), Notice("gone"), b"", frame(3), frame(4), count=3)
    assert (seen, ended) == (["frame 1", "gone", "unreadable", "frame 1 missing", "frame 3"], None)


async def test_frames_are_saved(tmp_path: Path) -> None:
    """Updates are not; existing files stay, and are reported once, however many there are."""
    for number in (2, 3):
        (tmp_path / f"{number}.png").write_bytes(b"mine")
    folder = FrameSaver(tmp_path)
    seen, _ = await follow(frame(1), update(9), frame(2), frame(3), frame(4), folder=folder)
    assert sorted(os.listdir(tmp_path)) == ["1.png", "2.png", "3.png", "4.png"]  # noqa: PTH208 - see ASYNC240
    assert (folder.saved, folder.kept, (tmp_path / "2.png").read_bytes()) == (2, 2, b"mine")
    assert [text for text in seen if "is not overwritten" in text] == [
        f"{tmp_path / '2.png'} exists and is not overwritten, nor is any other file"
    ]


async def test_a_folder_that_takes_nothing_is_the_end(tmp_path: Path) -> None:
    """The text says what to do."""
    folder = FrameSaver(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    _, ended = await follow(frame(1), frame(2), folder=folder)
    assert ended is not None
    assert ended.startswith(f"{tmp_path / 'gone' / '1.png'}: ")
    assert ended.endswith("free some space, or give another folder")


def save(folder: FrameSaver, sequence: int, grey: int | None = None) -> Path | None:
    found = item(frame(sequence, None if grey is None else tiny_png(grey)))
    assert isinstance(found.message, Frame)
    return folder.save(found, found.message)


def test_each_frame_is_a_file_of_its_number(tmp_path: Path) -> None:
    """Byte for byte, in a new folder; the same picture again, as after a reconnection, is no loss."""
    folder = FrameSaver(tmp_path / "a" / "b")
    for sequence in (1, 2, 300):
        assert save(folder, sequence) is None
    files = {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()}
    assert files == {f"{sequence}.png": tiny_png(sequence) for sequence in (1, 2, 300)}
    assert (folder.saved, folder.kept) == (3, 0)
    folder = FrameSaver(tmp_path)
    assert save(folder, 1) is None
    assert save(folder, 1) is None
    assert (folder.saved, folder.kept) == (1, 0)
    assert save(folder, 1, grey=9) == tmp_path / "1.png"


def test_a_long_id_is_cut_in_the_name(tmp_path: Path) -> None:
    """No file system takes all that an id may be."""
    named = Frame(tiny_png(1), "cam/" + "x" * 300)
    FrameSaver(tmp_path).save(item(frame(1)), named)
    [path] = tmp_path.iterdir()
    assert path.name == f"cam%2F{'x' * 144}_1.png"


def test_what_another_tap_is_writing_is_left_alone(tmp_path: Path) -> None:
    """Also if that tap was killed."""
    (tmp_path / "1.png.part").write_bytes(b"half")
    folder = FrameSaver(tmp_path)
    assert save(folder, 1) == tmp_path / "1.png.part"
    assert folder.kept == 1


def test_a_frame_without_number_is_known_by_when_it_came(tmp_path: Path) -> None:
    """Other servers may send no numbers."""
    folder = FrameSaver(tmp_path)
    found = item(frame(1))._replace(sequence=0)
    assert isinstance(found.message, Frame)
    assert folder.save(found, found.message) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"at-{AT_NS}.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_is_full_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file."""
    folder = FrameSaver(tmp_path)
    real = Path.open

    def full(path: Path, mode: str = "r", buffering: int = -1) -> object:
        opened = real(path, mode, buffering)
        os.dup2(os.open("/dev/full", os.O_WRONLY), opened.fileno())
        return opened

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save(folder, 1)
    assert caught.value.filename == str(tmp_path / "1.png")
    assert list(tmp_path.iterdir()) == []


async def tapped(place: str, query: Mapping[str, str] | None = None, **fields: object) -> str | None:
    wanted = TapOptions(parse(place), None, query or {}, False, False, None, None, None)
    with anyio.fail_after(TIMEOUT_S):
        ended = await tap(wanted._replace(**fields))  # type: ignore[arg-type]  # each test knows its fields
    return None if ended is None else str(ended)


async def test_lines_are_printed_until_there_are_enough(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a terminal they are complete and without colours; frames are saved with any output."""
    with serving(holding(frame(1), update(1, "x" * 300), frame(3), frame(4))) as server:
        assert await tapped(server.place, most=3) is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["frame", "peripheral/knob-1", "1", "frame"]
    assert lines[2].endswith("frame 1 missing (2)")
    assert "x" * 300 in lines[1]
    assert "\x1b" not in "".join(lines)
    folder = FrameSaver(tmp_path / "frames")
    with serving(holding(frame(1), frame(2))) as server:
        assert await tapped(server.place, most=2, folder=folder, as_json=True) is None
    told = [json.loads(line)["sequence"] for line in capsys.readouterr().out.splitlines()]
    assert (told, folder.saved) == ([1, 2], 2)


async def test_the_stream_is_asked_for_what_is_wanted() -> None:
    """By the options and the address, with the token in a header."""
    with serving(holding(frame(1))) as server:
        place = f"ws://{server.place}/wall/?snapshot=0&token=secret"
        assert await tapped(place, {"kinds": "frame", "topics": "a,b*"}, most=1) is None
    request = server.requests[0]
    assert request.path == "/wall/?snapshot=0&kinds=frame&topics=a%2Cb%2A"
    assert request.headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("place", ["{}", "ws://{}/?max_fps=5"])
async def test_frames_that_were_not_asked_for_are_not_missing(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether the option or the address limits the frame rate."""
    query = {} if "max_fps" in place else {"max_fps": "5"}
    with serving(holding(frame(1), frame(9))) as server:
        assert await tapped(place.format(server.place), query, most=2) is None
    assert "missing" not in capsys.readouterr().out
