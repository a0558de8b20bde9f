"""A file followed by name: no line is lost or repeated, whatever happens to the file."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from beats.adapters.sources.jsonl.inputs import CHUNK_BYTES, Chunk, FollowedFile
from tests.permissions import permissions_hold


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


def test_text_written_to_the_old_file_after_its_renaming_is_read_first(
    path: Path, follower: Follower
) -> None:
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


def test_several_rotations_between_two_reads_lose_no_file_that_was_noticed(
    path: Path, follower: Follower
) -> None:
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


def test_a_truncated_file_is_read_from_its_start(path: Path, follower: Follower) -> None:
    """Rotation by copying and truncating."""
    append(path, b"two\n")
    follower.read()
    path.write_bytes(b"a\n")
    assert follower.read() == [b"", b"a\n"]


@pytest.mark.parametrize("text", [b"ONE\n", b"ONE\nTWO\n", b"xne\nTWO\n", b"a much longer line\n"])
def test_a_rewritten_file_is_read_from_its_start(path: Path, follower: Follower, text: bytes) -> None:
    """Whether it became longer or shorter."""
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


def test_a_followed_file_never_ends(follower: Follower) -> None:
    """An empty chunk says that more may come."""
    assert follower.file.read() == Chunk(b"", "more")
