"""A file that is followed by its name: no line is lost or doubled, whatever is done to the file."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.adapters.sources.jsonl.chunks import CHUNK_BYTES, Chunk
from beats.adapters.sources.jsonl.following import FollowedFile
from tests.permissions import permissions_hold


class Follower:
    """Reads a followed file as the source does, without its pauses."""

    def __init__(self, path: Path) -> None:
        self.reported: list[str] = []
        self.file = FollowedFile(str(path), self.reported.append)

    def read(self) -> list[bytes]:
        """What is there, in one text for each file."""
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
    """From where the last read ended."""
    append(path, b"two\n")
    assert follower.read() == [b"two\n"]
    assert follower.read() == [b""]
    append(path, b"x" * 3 * CHUNK_BYTES)
    assert follower.read() == [b"x" * 3 * CHUNK_BYTES]


def test_a_file_that_takes_the_name_is_read_from_its_beginning(path: Path, follower: Follower) -> None:
    """Rotation by renaming and creating."""
    path.rename(path.with_name("log.1"))
    path.write_bytes(b"two\n")
    assert follower.read() == [b"", b"two\n"]
    append(path, b"three\n")
    assert follower.read() == [b"three\n"]


def test_what_is_written_to_the_old_file_after_its_renaming_is_read_first(
    path: Path, follower: Follower
) -> None:
    """A program goes on with the old file until it is told to open the new one, which is empty until then."""
    with path.open("ab", buffering=0) as writer:
        path.rename(path.with_name("log.1"))
        path.touch()
        assert follower.read() == [b""]
        writer.write(b"two\n")
        assert follower.read() == [b"two\n"]
        writer.write(b"three\n")
    path.write_bytes(b"four\n")
    assert follower.read() == [b"three\n", b"four\n"]


def test_several_rotations_between_two_looks_lose_nothing_that_was_seen(
    path: Path, follower: Follower
) -> None:
    """Each file that had the name at a look is read to its end, in order."""
    for number in range(3):
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
        follower.file._look()  # pyright: ignore[reportPrivateUsage]
    assert follower.read() == [b"", b"0\n", b"1\n", b"2\n"]


def test_rotations_are_seen_while_there_is_much_to_read(path: Path, follower: Follower) -> None:
    """Not only at the end of the old file."""
    append(path, b"x" * 5 * CHUNK_BYTES)
    for number in range(3):
        assert len(follower.file.read().data) == CHUNK_BYTES
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
    assert follower.read() == [b"x" * 2 * CHUNK_BYTES, b"0\n", b"1\n", b"2\n"]


def test_a_file_that_was_cut_is_read_from_its_beginning(path: Path, follower: Follower) -> None:
    """Rotation by copying and cutting."""
    append(path, b"two\n")
    follower.read()
    path.write_bytes(b"a\n")
    assert follower.read() == [b"", b"a\n"]


@pytest.mark.parametrize("text", [b"ONE\n", b"ONE\nTWO\n", b"xne\nTWO\n", b"a much longer line\n"])
def test_a_file_that_was_rewritten_is_read_from_its_beginning(
    path: Path, follower: Follower, text: bytes
) -> None:
    """However long it is: not from the middle of a line."""
    path.write_bytes(text)
    assert follower.read() == [b"", text]


def test_a_longer_file_with_the_same_end_is_noticed_by_its_beginning(path: Path) -> None:
    """What was read last stands where it stood, and what came before it does not."""
    tail = b"".join(b"%06d\n" % number for number in range(1000))
    path.write_bytes(b"old\n" + tail)
    follower = Follower(path)
    follower.read()
    path.write_bytes(b"new\n" + tail + b"more\n")
    assert follower.read() == [b"", b"new\n" + tail + b"more\n"]
    follower.file.close()


def test_a_swapped_link_leads_to_the_other_file(tmp_path: Path, path: Path) -> None:
    """It is the name that is followed."""
    (tmp_path / "a").write_bytes(b"a\n")
    (tmp_path / "b").write_bytes(b"b\n")
    path.symlink_to("a")
    follower = Follower(path)
    assert follower.read() == [b"a\n"]
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "link").replace(path)
    assert follower.read() == [b"", b"b\n"]
    follower.file.close()


def test_a_file_that_is_not_there_yet_is_waited_for(path: Path) -> None:
    """It is said once that it is."""
    follower = Follower(path)
    for _ in range(3):
        assert follower.read() == [b""]
    path.write_bytes(b"one\n")
    assert follower.read() == [b"one\n"]
    assert follower.reported == ["cannot be read (No such file or directory), and is waited for"]
    follower.file.close()


def test_a_deleted_file_is_followed_until_there_is_another(path: Path, follower: Follower) -> None:
    """It is not reported: a rotation takes such a moment."""
    with path.open("ab", buffering=0) as writer:
        path.unlink()
        writer.write(b"two\n")
        assert follower.read() == [b"two\n"]
    path.write_bytes(b"three\n")
    assert follower.read() == [b"", b"three\n"]
    assert follower.reported == []


def test_a_successor_that_cannot_be_read_is_said_once_and_waited_for(path: Path, follower: Follower) -> None:
    """Another user made it, or it is a folder."""
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
        "cannot be read (Permission denied), and is waited for",
        "cannot be read (it is not a regular file), and is waited for",
    ]


def test_no_more_files_are_open_than_the_bound(path: Path, follower: Follower) -> None:
    """However often the file is rotated while nothing is read; all are closed at the end."""
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208 - their number suffices
    for number in range(100):
        path.rename(path.with_name(f"log.{number}"))
        path.write_bytes(b"%d\n" % number)
        follower.file._look()  # pyright: ignore[reportPrivateUsage]
    assert len(os.listdir("/dev/fd")) == before + 15  # noqa: PTH208 - as above
    assert follower.read()[-1] == b"99\n"
    follower.file.close()
    assert len(os.listdir("/dev/fd")) == before - 1  # noqa: PTH208 - as above


def test_an_empty_chunk_says_that_more_may_come(follower: Follower) -> None:
    """A followed file never ends."""
    assert follower.file.read() == Chunk(b"", "more")
