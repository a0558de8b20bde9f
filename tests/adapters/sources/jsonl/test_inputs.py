import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.jsonl.chunks import Chunk
from beats.adapters.sources.jsonl.following import FollowedFile
from beats.adapters.sources.jsonl.inputs import FifoInput, FileInput, Input, StreamInput, open_input
from beats.kernel.errors import InputError

pytestmark = pytest.mark.anyio


@contextmanager
def opened(
    path: Path | str,
    *,
    follow: bool = False,
    stdin_fd: int = 0,
    report: Callable[[str], None] = lambda text: None,
) -> Generator[Input]:
    source = open_input(str(path), follow=follow, stdin_fd=stdin_fd, report=report)
    try:
        yield source
    finally:
        source.close()


async def next_chunk(source: Input) -> Chunk:
    with anyio.fail_after(10):
        await source.wait()
    return source.read()


async def test_a_file_ends(tmp_path: Path) -> None:
    """Its bytes, then the end."""
    (tmp_path / "a").write_bytes(b"abc")
    with opened(tmp_path / "a") as source:
        assert isinstance(source, FileInput)
        assert [await next_chunk(source) for _ in range(2)] == [Chunk(b"abc"), Chunk(b"", "end")]


async def test_a_followed_file_never_ends_but_grows(tmp_path: Path) -> None:
    """What is written later is read later; one that is not there yet is waited for."""
    path = tmp_path / "a"
    reported: list[str] = []
    with opened(path, follow=True, report=reported.append) as source:
        assert isinstance(source, FollowedFile)
        assert await next_chunk(source) == Chunk(b"")
        assert len(reported) == 1
        for text in (b"abc", b"def"):
            with path.open("ab") as file:
                file.write(text)
            assert [await next_chunk(source) for _ in range(2)] == [Chunk(text), Chunk(b"")]


async def test_what_is_no_file_is_not_followed(tmp_path: Path) -> None:
    """A FIFO stays open from writer to writer anyway, a pipe with a path ends, a folder is an error."""
    os.mkfifo(tmp_path / "fifo")
    with opened(tmp_path / "fifo", follow=True) as source:
        assert isinstance(source, FifoInput)
    with opened("/dev/null", follow=True) as source:
        assert isinstance(source, StreamInput)
    with pytest.raises(InputError, match="Is a directory"), opened(tmp_path, follow=True):
        pass


async def test_a_pipe_ends_when_its_writer_closes_it() -> None:
    """Standard input is not closed with it: it is not ours."""
    ours, theirs = os.pipe()
    os.write(theirs, b"abc")
    with opened("-", stdin_fd=ours) as source:
        assert isinstance(source, StreamInput)
        assert await next_chunk(source) == Chunk(b"abc")
        os.close(theirs)
        assert await next_chunk(source) == Chunk(b"", "end")
    os.close(ours)


async def test_waiting_for_a_pipe_that_says_nothing_is_cancelled_at_once() -> None:
    """No thread waits in a read: the event loop waits, and stops when it is told to."""
    ours, theirs = os.pipe()
    with opened("-", stdin_fd=ours) as source, anyio.CancelScope() as scope:
        scope.cancel()
        await source.wait()
    assert scope.cancelled_caught
    os.close(theirs)
    os.close(ours)


async def test_what_cannot_be_waited_for_is_read_directly() -> None:
    """`/dev/null` is always ready, which epoll refuses to watch."""
    with opened("/dev/null") as source:
        assert isinstance(source, StreamInput)
        for _ in range(2):
            assert await next_chunk(source) == Chunk(b"", "end")


async def test_a_terminal_is_read_line_by_line() -> None:
    """What was typed is there after Enter; Ctrl-D ends it."""
    keyboard, terminal = os.openpty()
    with opened("-", stdin_fd=terminal) as source:
        os.write(keyboard, b"abc\n")
        assert await next_chunk(source) == Chunk(b"abc\n")
        os.write(keyboard, b"\x04")
        assert await next_chunk(source) == Chunk(b"", "end")
    os.close(keyboard)
    os.close(terminal)


async def test_a_fifo_stays_on_air_from_writer_to_writer(tmp_path: Path) -> None:
    """A writer's end is a pause; no byte of the next writer is lost, whenever it opens."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with opened(path) as source:
        assert isinstance(source, FifoInput)
        for text in (b"one\n", b"two\n", b"three"):
            with path.open("wb", buffering=0) as writer:
                writer.write(text)
            assert await next_chunk(source) == Chunk(text)
            if text != b"two\n":
                assert await next_chunk(source) == Chunk(b"", "pause")
        writer_fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer_fd, b"four")
        assert await next_chunk(source) == Chunk(b"four")
        os.close(writer_fd)


async def test_a_fifo_without_a_writer_waits_and_can_be_cancelled(tmp_path: Path) -> None:
    """Opening does not wait for a writer, and waiting is the event loop's."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with opened(path) as source:
        with anyio.move_on_after(0.05) as scope:
            await source.wait()
        assert scope.cancelled_caught


async def test_a_pipe_with_a_path_ends_like_a_pipe() -> None:
    """`/dev/fd/N`, which a shell makes of `<(command)`, cannot be opened again by another writer."""
    ours, theirs = os.pipe()
    os.write(theirs, b"abc")
    os.close(theirs)
    with opened(f"/dev/fd/{ours}") as source:
        assert [await next_chunk(source) for _ in range(2)] == [Chunk(b"abc"), Chunk(b"", "end")]
    os.close(ours)


async def test_what_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    """Missing, a folder, and a standard input that is closed: each with what would be right."""
    for path in ("nothing", "."):
        wanted = r'cannot be read \(.*\): give a file or FIFO of JSON Lines, or "-"'
        with pytest.raises(InputError, match=wanted), opened(tmp_path / path):
            pass
    ours, theirs = os.pipe()
    os.close(ours)
    os.close(theirs)
    with pytest.raises(InputError, match="standard input cannot be read"), opened("-", stdin_fd=ours):
        pass


def test_a_standard_input_that_was_closed_at_the_start_is_an_input_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its number may belong to something else by now, which must not be read."""
    monkeypatch.setattr(sys, "__stdin__", None)
    closed = r"standard input cannot be read \(it was closed when the program"
    with pytest.raises(InputError, match=closed), opened("-", stdin_fd=0):
        pass
