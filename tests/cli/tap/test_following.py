"""What is done with each message."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from beats.cli.tap.folder import FrameFolder
from beats.cli.tap.following import Follower
from beats.cli.tap.gaps import Gap, Gaps, Return
from beats.cli.tap.item import Item, Unreadable
from beats.cli.tap.stream import Notice, StreamError
from tests.cli.tap.envelopes import frame, update

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Memory:
    """A show that remembers."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def item(self, item: Item) -> None:
        self.seen.append(f"{item.topic} {item.sequence}")

    def gap(self, gap: Gap | Return) -> None:
        self.seen.append(f"{gap.topic} {gap.missing} missing" if isinstance(gap, Gap) else "back")

    def unreadable(self, unreadable: Unreadable) -> None:
        self.seen.append("unreadable")

    def notice(self, text: str) -> None:
        self.seen.append(text)


async def follow(
    *given: str | bytes | Notice, count: int | None = None, folder: FrameFolder | None = None
) -> tuple[list[str], str | None]:
    async def found() -> AsyncGenerator[str | bytes | Notice]:
        for each in given:
            yield each
        raise StreamError("the server ended the stream")

    show = Memory()
    ended = await Follower(show, folder, Gaps(), count).follow(found())
    return show.seen, ended


async def test_everything_is_shown_in_its_order() -> None:
    """Envelopes, what is missing before them, what cannot be read, and what happens to the stream."""
    given = (frame(1), update(5), "a text", frame(4), Notice("gone"), frame(2))
    assert await follow(*given) == (
        [
            "frame 1",
            "peripheral/knob-1 5",
            "unreadable",
            "frame 2 missing",
            "frame 4",
            "gone",
            "back",
            "frame 2",
        ],
        "the server ended the stream",
    )


async def test_enough_is_enough() -> None:
    """Messages are counted, readable or not; notices are none."""
    assert await follow(frame(1), Notice("gone"), b"", frame(3), frame(4), count=3) == (
        ["frame 1", "gone", "unreadable", "frame 1 missing", "frame 3"],
        None,
    )


async def test_frames_are_saved(tmp_path: Path) -> None:
    """And no updates; what is in the way is said once, however much there is."""
    for number in (2, 3):
        (tmp_path / f"{number}.png").write_bytes(b"mine")
    folder = FrameFolder(tmp_path)
    seen, _ = await follow(frame(1), update(9), frame(2), frame(3), frame(4), folder=folder)
    assert sorted(os.listdir(tmp_path)) == ["1.png", "2.png", "3.png", "4.png"]  # noqa: PTH208 - see ASYNC240
    assert (folder.saved, folder.kept) == (2, 2)
    assert [text for text in seen if "is not overwritten" in text] == [
        f"{tmp_path / '2.png'} is there already and is not overwritten; nor is any other"
    ]


async def test_a_folder_that_takes_nothing_is_the_end(tmp_path: Path) -> None:
    """With what to do about it: what was asked for cannot be done."""
    folder = FrameFolder(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    _, ended = await follow(frame(1), frame(2), folder=folder)
    assert ended is not None
    assert ended.startswith(f"{tmp_path / 'gone' / '1.png'}: ")
    assert ended.endswith("free some room, or give another folder")
