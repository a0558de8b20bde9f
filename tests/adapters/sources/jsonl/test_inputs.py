"""Where the bytes come from."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.jsonl.inputs import (
    Chunk,
    FifoInput,
    FileInput,
    FollowedFile,
    Input,
    StreamInput,
    open_input,
)
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


async def test_a_followed_file_is_read_as_it_grows(tmp_path: Path) -> None:
    """It may not exist at first."""
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


async def test_only_a_file_is_followed(tmp_path: Path) -> None:
    """A FIFO stays open anyway, a pipe ends, a folder is an error."""
    os.mkfifo(tmp_path / "fifo")
    with opened(tmp_path / "fifo", follow=True) as source:
        assert isinstance(source, FifoInput)
    with opened("/dev/null", follow=True) as source:
        assert isinstance(source, StreamInput)
    with pytest.raises(InputError, match="Is a directory"), opened(tmp_path, follow=True):
        pass


async def test_a_pipe_ends_when_its_writer_closes_it() -> None:
    """Standard input itself stays open."""
    ours, theirs = os.pipe()
    os.write(theirs, b"abc")
    with opened("-", stdin_fd=ours) as source:
        assert isinstance(source, StreamInput)
        assert await next_chunk(source) == Chunk(b"abc")
        os.close(theirs)
        assert await next_chunk(source) == Chunk(b"", "end")
    os.close(ours)


async def test_waiting_for_a_silent_pipe_is_cancelled_at_once() -> None:
    """The event loop waits, not a thread."""
    ours, theirs = os.pipe()
    with opened("-", stdin_fd=ours) as source, anyio.CancelScope() as scope:
        scope.cancel()
        await source.wait()
    assert scope.cancelled_caught
    os.close(theirs)
    os.close(ours)


async def test_a_file_that_epoll_refuses_is_read_directly() -> None:
    """Such as `/dev/null`, which is always ready."""
    with opened("/dev/null") as source:
        assert isinstance(source, StreamInput)
        for _ in range(2):
            assert await next_chunk(source) == Chunk(b"", "end")


async def test_a_terminal_is_read_line_by_line() -> None:
    """Enter sends a line; Ctrl-D ends the input."""
    keyboard, terminal = os.openpty()
    with opened("-", stdin_fd=terminal) as source:
        os.write(keyboard, b"abc\n")
        assert await next_chunk(source) == Chunk(b"abc\n")
        os.write(keyboard, b"\x04")
        assert await next_chunk(source) == Chunk(b"", "end")
    os.close(keyboard)
    os.close(terminal)


async def test_a_fifo_stays_open_from_one_writer_to_the_next(tmp_path: Path) -> None:
    """The end of a writer is a pause; no byte of the next writer is lost."""
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
    """Opening does not wait for a writer; the event loop waits."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with opened(path) as source:
        with anyio.move_on_after(0.05) as scope:
            await source.wait()
        assert scope.cancelled_caught


async def test_a_pipe_with_a_path_ends_like_a_pipe() -> None:
    """`/dev/fd/N`, which a shell makes of `<(command)`, cannot be reopened."""
    ours, theirs = os.pipe()
    os.write(theirs, b"abc")
    os.close(theirs)
    with opened(f"/dev/fd/{ours}") as source:
        assert [await next_chunk(source) for _ in range(2)] == [Chunk(b"abc"), Chunk(b"", "end")]
    os.close(ours)


async def test_an_unreadable_path_is_an_input_error(tmp_path: Path) -> None:
    """A missing file, a folder, and a closed standard input; the message says what to give."""
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
    """Its descriptor may belong to another file by now, which must not be read."""
    monkeypatch.setattr(sys, "__stdin__", None)
    closed = r"standard input cannot be read \(it was closed when the program"
    with pytest.raises(InputError, match=closed), opened("-", stdin_fd=0):
        pass
