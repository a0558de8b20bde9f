"""Where the bytes come from."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from beats.adapters.sources.jsonl.inputs import (
    CHUNK_BYTES,
    ByteChunk,
    ByteInput,
    FifoInput,
    FileInput,
    FollowedFile,
    StreamInput,
    open_input,
)
from beats.kernel.errors import InputError
from tests.support.permissions import permissions_hold

pytestmark = pytest.mark.anyio


@contextmanager
def opened(path: Path | str, *, follow: bool = False, stdin_fd: int = 0) -> Generator[ByteInput]:
    source = open_input(str(path), follow=follow, stdin_fd=stdin_fd, report=print)
    try:
        yield source
    finally:
        source.close()


async def next_chunk(source: ByteInput) -> ByteChunk:
    with anyio.fail_after(10):
        await source.wait()
    return source.read()


async def test_a_file_ends(tmp_path: Path) -> None:
    """Its bytes, then the end."""
    (tmp_path / "a").write_bytes(b"abc")
    with opened(tmp_path / "a") as source:
        assert isinstance(source, FileInput)
        assert [await next_chunk(source) for _ in range(2)] == [ByteChunk(b"abc"), ByteChunk(b"", "end")]


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
        assert await next_chunk(source) == ByteChunk(b"abc")
        os.close(theirs)
        assert await next_chunk(source) == ByteChunk(b"", "end")
    os.close(ours)


async def test_a_file_that_epoll_refuses_is_read_directly() -> None:
    """Such as `/dev/null`, which is always ready."""
    with opened("/dev/null") as source:
        assert isinstance(source, StreamInput)
        for _ in range(2):
            assert await next_chunk(source) == ByteChunk(b"", "end")


async def test_a_terminal_is_read_line_by_line() -> None:
    """Enter sends a line; Ctrl-D ends the input."""
    keyboard, terminal = os.openpty()
    with opened("-", stdin_fd=terminal) as source:
        os.write(keyboard, b"abc\n")
        assert await next_chunk(source) == ByteChunk(b"abc\n")
        os.write(keyboard, b"\x04")
        assert await next_chunk(source) == ByteChunk(b"", "end")
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
            assert await next_chunk(source) == ByteChunk(text)
            if text != b"two\n":
                assert await next_chunk(source) == ByteChunk(b"", "pause")
        writer_fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(writer_fd, b"four")
        assert await next_chunk(source) == ByteChunk(b"four")
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
        assert [await next_chunk(source) for _ in range(2)] == [ByteChunk(b"abc"), ByteChunk(b"", "end")]
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


def test_a_closed_standard_input_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its descriptor may belong to another file by now, which must not be read."""
    monkeypatch.setattr(sys, "__stdin__", None)
    closed = r"standard input cannot be read \(it was closed when the program"
    with pytest.raises(InputError, match=closed), opened("-", stdin_fd=0):
        pass


# Following a file: no line is lost or repeated, whatever happens to it.


class Follower:
    """Reads a followed file as the source does, without its pauses."""

    def __init__(self, path: Path) -> None:
        self.reported: list[str] = []
        self.file = FollowedFile(str(path), self.reported.append)

    def read(self) -> list[bytes]:
        """Read all, as one text for each file."""
        texts = [b""]
        idle = 0
        while idle < 2:
            data, then = self.file.read()
            idle = 0 if data or then == "restart" else idle + 1
            if then == "restart":
                texts.append(b"")
            texts[-1] += data
        return texts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def follower(path: Path) -> Generator[Follower]:
    path.write_bytes(b"one\n")
    follower = Follower(path)
    assert follower.read() == [b"one\n"]
    yield follower
    follower.file.close()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_a_file_that_grows_is_read_as_it_grows(path: Path, follower: Follower) -> None:
    """From the end of the last read."""
    append(path, b"two\n")
    assert follower.read() == [b"two\n"]
    assert follower.read() == [b""]
    append(path, b"x" * 3 * CHUNK_BYTES)
    assert follower.read() == [b"x" * 3 * CHUNK_BYTES]


def test_a_new_file_of_the_same_name_is_read_from_its_start(path: Path, follower: Follower) -> None:
    """Rotation by renaming and creating."""
    path.rename(path.with_name("log.1"))
    path.write_bytes(b"two\n")
    assert follower.read() == [b"", b"two\n"]
    append(path, b"three\n")
    assert follower.read() == [b"three\n"]


def test_text_written_to_a_renamed_file_is_read_first(path: Path, follower: Follower) -> None:
    """A program writes to the old file until it opens the new one, which is empty until then."""
    with path.open("ab", buffering=0) as writer:
        path.rename(path.with_name("log.1"))
        path.touch()
        assert follower.read() == [b""]
        writer.write(b"two\n")
        assert follower.read() == [b"two\n"]
        writer.write(b"three\n")
    path.write_bytes(b"four\n")
    assert follower.read() == [b"three\n", b"four\n"]


def test_several_rotations_between_two_reads_lose_no_file(path: Path, follower: Follower) -> None:
    """Each is read to its end, in order."""
    for number in range(3):
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
        follower.file._look()  # pyright: ignore[reportPrivateUsage]
    assert follower.read() == [b"", b"0\n", b"1\n", b"2\n"]


def test_rotations_are_noticed_in_the_middle_of_a_long_file(path: Path, follower: Follower) -> None:
    """Not only at the end of the old file."""
    append(path, b"x" * 5 * CHUNK_BYTES)
    for number in range(3):
        assert len(follower.file.read().data) == CHUNK_BYTES
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
    assert follower.read() == [b"x" * 2 * CHUNK_BYTES, b"0\n", b"1\n", b"2\n"]


@pytest.mark.parametrize("text", [b"ONE\n", b"ONE\nTWO\n", b"xne\nTWO\n", b"a\n"])
def test_a_rewritten_file_is_read_from_its_start(path: Path, follower: Follower, text: bytes) -> None:
    """Whether it became longer or shorter; so is one that was copied and truncated."""
    path.write_bytes(text)
    assert follower.read() == [b"", text]


def test_a_rewritten_file_with_the_same_end_is_noticed_by_its_start(path: Path) -> None:
    """Even if the last bytes read are at the same place."""
    tail = b"".join(b"%06d\n" % number for number in range(1000))
    path.write_bytes(b"old\n" + tail)
    follower = Follower(path)
    follower.read()
    path.write_bytes(b"new\n" + tail + b"more\n")
    assert follower.read() == [b"", b"new\n" + tail + b"more\n"]
    follower.file.close()


def test_a_changed_link_leads_to_the_other_file(tmp_path: Path, path: Path) -> None:
    """The name is followed, not the file."""
    (tmp_path / "a").write_bytes(b"a\n")
    (tmp_path / "b").write_bytes(b"b\n")
    path.symlink_to("a")
    follower = Follower(path)
    assert follower.read() == [b"a\n"]
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "link").replace(path)
    assert follower.read() == [b"", b"b\n"]
    follower.file.close()


def test_it_waits_for_a_file_that_does_not_exist_yet(path: Path) -> None:
    """It reports that once."""
    follower = Follower(path)
    for _ in range(3):
        assert follower.read() == [b""]
    path.write_bytes(b"one\n")
    assert follower.read() == [b"one\n"]
    assert follower.reported == ["cannot be read (No such file or directory); waiting for it"]
    follower.file.close()


def test_a_deleted_file_is_followed_until_there_is_another(path: Path, follower: Follower) -> None:
    """Without a report: a rotation takes such a moment."""
    with path.open("ab", buffering=0) as writer:
        path.unlink()
        writer.write(b"two\n")
        assert follower.read() == [b"two\n"]
    path.write_bytes(b"three\n")
    assert follower.read() == [b"", b"three\n"]
    assert follower.reported == []


def test_an_unreadable_new_file_is_reported_once(path: Path, follower: Follower) -> None:
    """If another user created it, or if it is a folder."""
    path.rename(path.with_name("log.1"))
    path.touch(0o000)
    with permissions_hold():
        for _ in range(3):
            assert follower.read() == [b""]
    path.unlink()
    path.mkdir()
    assert follower.read() == [b""]
    path.rmdir()
    path.write_bytes(b"two\n")
    assert follower.read() == [b"", b"two\n"]
    assert follower.reported == [
        "cannot be read (Permission denied); waiting for it",
        "cannot be read (it is not a regular file); waiting for it",
    ]


def test_the_number_of_open_files_is_bounded(path: Path, follower: Follower) -> None:
    """Even if the file is rotated often while nothing is read; all are closed at the end."""
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - their number suffices
    for number in range(100):
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
        follower.file._look()  # pyright: ignore[reportPrivateUsage]
    assert len(os.listdir("/dev/fd")) == before + 15  # noqa: PTH208 - as above
    assert follower.read()[-1] == b"99\n"
    follower.file.close()
    assert len(os.listdir("/dev/fd")) == before - 1  # noqa: PTH208 - as above
