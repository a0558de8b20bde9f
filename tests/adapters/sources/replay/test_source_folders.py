"""Replays of folders: parts, other recordings, and changes while they are played."""

from pathlib import Path
from typing import NoReturn

import anyio
import pytest

from beats.kernel.errors import InputError
from beats.recordings.copying import recover
from beats.recordings.files import Piece
from beats.recordings.format import LOG_OFFSET, RecordedMessage
from beats.recordings.walltime import ClockJump
from tests.adapters.sources.replay.recordings import (
    FRAME_S,
    at,
    frame,
    knob,
    on_air,
    pairs,
    played,
    show,
    shown_at,
)
from tests.recordings.support import ABOUT, record

pytestmark = pytest.mark.anyio


def part(folder: Path, number: int, written: list[RecordedMessage]) -> Path:
    """A part of one recording, each message in a chunk of its own, so that little is read ahead."""
    return record(folder / f"{number}.mcap", written, per_chunk=1, about={**ABOUT, "part": str(number)})


@pytest.mark.parametrize("by_s", [-3600, 86_400])
async def test_a_step_of_the_clock_takes_no_time(tmp_path: Path, by_s: int) -> None:
    """Within a part and between two, the recorded pace is kept."""
    first, second = (
        {**ABOUT, "part": str(number), LOG_OFFSET: str(offset_s * 10**9)}
        for number, offset_s in ((1, 0), (2, by_s))
    )
    whole = show(20)
    later = [each._replace(log_unix_ns=each.log_unix_ns + by_s * 10**9) for each in whole[20:]]
    record(tmp_path / "a.mcap", later, about=second)
    record(tmp_path / "b.mcap", whole[:20], about=first, jumps=[ClockJump(at(0.5), at(0.5), at(0.5 + by_s))])
    playing = await played(tmp_path)
    assert playing.shown == pairs(whole)
    assert playing.publish.times_s == pytest.approx([shown_at(index * FRAME_S / 2) for index in range(40)])


async def test_numbers_of_another_recording_are_no_loss(tmp_path: Path) -> None:
    """Numbers between two cuts in one folder were never on this stream."""
    record(tmp_path / "a.mcap", show()[:6], about={"derived": "cut"})
    record(tmp_path / "b.mcap", show()[14:], about={"derived": "cut"})
    playing = await played(tmp_path)
    assert playing.frames == [1, 2, 3, 8, 9, 10]
    assert [renumber for _, renumber in playing.publish.forwarded] == [False] * 6 + [True] * 6


async def test_an_unreadable_file_does_not_stop_a_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is skipped with a warning; a file that disappears before its turn takes no time."""
    (tmp_path / "0.mcap").write_text("Dear diary")
    part(tmp_path, 1, show()[:8])
    gone = part(tmp_path, 2, show()[8:12])
    part(tmp_path, 3, show()[12:])
    async with on_air(tmp_path) as playing:
        await playing.publish.frames(1)
        gone.unlink()
        await playing.ended.wait()
    assert playing.shown == pairs([*show()[:8], *show()[12:]])
    assert playing.publish.times_s[7:10] == pytest.approx([0.35, 0.35, 0.4], abs=0.002)
    assert "0.mcap is not a recording" in caplog.text
    assert "2.mcap: cannot be read: No such file" in caplog.text


async def test_a_loop_goes_on_when_an_unfinished_file_is_finished(tmp_path: Path) -> None:
    """It then has another name, in this round and later ones."""
    part(tmp_path, 1, show(10))
    unfinished = record(
        tmp_path / "2.mcap", [knob(90, 2)], per_chunk=1, about={**ABOUT, "part": "2"}, close=False
    )
    async with on_air(tmp_path, loop=True) as playing:
        await playing.publish.frames(1)
        recover(unfinished, tmp_path / "whole", lambda done: None)
        unfinished.unlink()
        (tmp_path / "whole").rename(tmp_path / "2.mcap")
        await playing.publish.frames(21)
    once = [*pairs(show(10)), ("peripheral/knob", 90)]
    assert playing.shown[:42] == [*once, *once]


async def test_a_loop_plays_what_the_folder_holds_when_a_round_begins(tmp_path: Path) -> None:
    """A recorder may delete old files and write new ones."""
    first = part(tmp_path, 1, [frame(1, 0.0)])
    part(tmp_path, 2, [frame(2, 0.1), frame(3, 0.2)])
    async with on_air(tmp_path, loop=True) as playing:
        await playing.publish.frames(2)
        first.unlink()
        part(tmp_path, 3, [frame(4, 0.3)])
        await playing.publish.frames(7)
    assert playing.frames == [1, 2, 3, 2, 3, 4, 2]
    assert not playing.ended.is_set()


async def test_a_loop_waits_while_a_folder_is_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It checks once a second, with a warning, until a disk is plugged in again."""
    path = part(tmp_path, 1, [frame(1, 0.0), frame(2, 0.1)])
    async with on_air(tmp_path, loop=True) as playing:
        await playing.publish.frames(1)
        path.unlink()
        await anyio.sleep(10.0)
        assert playing.frames == [1, 2]
        part(tmp_path, 1, [frame(7, 0.0)])
        await playing.publish.frames(3)
    assert playing.frames == [1, 2, 7]
    assert f"{tmp_path} holds no recordings" in caplog.text
    assert "trying again" in caplog.text


async def test_rounds_without_any_file_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that disappear between search and playing must not keep the processor busy."""
    part(tmp_path, 1, [frame(1, 0.0)])

    def gone(piece: Piece) -> NoReturn:
        raise InputError(f"{piece.path} cannot be read: Stale file handle")

    async with on_air(tmp_path, loop=True) as playing:
        await playing.publish.frames(1)
        monkeypatch.setattr(Piece, "open", gone)
        await anyio.sleep(5.0)
    assert 3 <= playing.playback.loops <= 6


async def test_a_named_file_that_has_gone_ends_a_loop_only_when_it_was_the_last(tmp_path: Path) -> None:
    """The other files are played."""
    first = part(tmp_path, 1, [frame(1, 0.0)])
    second = part(tmp_path, 2, [frame(2, 0.1)])

    async def play() -> None:
        async with on_air([first, second], loop=True) as playing:
            await playing.publish.frames(2)
            first.unlink()
            await playing.publish.frames(4)
            assert playing.frames == [1, 2, 2, 2]
            second.unlink()
            await playing.ended.wait()

    with pytest.raises(ExceptionGroup) as caught:
        await play()
    assert caught.group_contains(InputError, match="2.mcap does not exist")
