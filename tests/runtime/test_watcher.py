"""Noticing changes of settings files, made in every way in which people change files."""

import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from beats.config.errors import SettingsError
from beats.config.settings import ProfileSettings
from beats.runtime import watcher as module
from beats.runtime.reader import Reader
from beats.runtime.watcher import Watcher
from tests.support.permissions import permissions_hold

pytestmark = pytest.mark.anyio

TEXT = "[kernel]\nwatch = true\n[sinks.browser]\ntoken_file = 'token'\n# one\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow one another closely."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    monkeypatch.setattr(module, "IDLE_S", 0.01)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of profiles, beside a token."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("secret")
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "default.toml").write_text(TEXT)
    return folder


class Reads(Reader):
    """Reads settings as a run does; a test decides whether it fails and what it says of watching."""

    fails = False
    says_watch = True

    def read(self) -> ProfileSettings:
        if self.fails:
            raise RuntimeError("no luck")
        folder = self.folder if self.folder.is_dir() else None
        sets = [f"kernel.watch={str(self.says_watch).lower()}"]
        return Reader(None, folder, sets).read()


class Reading:
    """A run that only reads, and counts."""

    def __init__(self, folder: Path) -> None:
        self.reads = Reads(None, folder)
        self.watch = Watcher(self.reads)
        self.count = 0
        self._more = anyio.Event()

    async def read(self) -> None:
        """Once at the start, and then whenever the watch says so."""
        self.count += 1
        self._more.set()
        self._more = anyio.Event()
        self.watch.read()

    async def next(self) -> None:
        """Wait for a reading."""
        with anyio.fail_after(20):
            await self._more.wait()

    async def nothing(self) -> None:
        """Make sure that none comes: a change is noticed within two looks."""
        with anyio.move_on_after(0.3) as scope:
            await self._more.wait()
        assert scope.cancelled_caught


@asynccontextmanager
async def watched(folder: Path, *, then: Callable[[], object] = lambda: None) -> AsyncGenerator[Reading]:
    """Settings that were read and are watched; `then` is done between the two."""
    reader = Reading(folder)
    await reader.read()
    then()
    async with anyio.create_task_group() as group:
        group.start_soon(reader.watch.run, reader.read)
        yield reader
        group.cancel_scope.cancel()


def edited(folder: Path) -> None:
    """In place, to the same size and with the old times."""
    path = folder / "default.toml"
    before = path.stat()
    path.write_text(TEXT.replace("one", "two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def saved_by_renaming(folder: Path) -> None:
    """As many editors do."""
    (folder / ".default.toml.swp").write_text(TEXT + "# more\n")
    (folder / ".default.toml.swp").replace(folder / "default.toml")


def saved_after_a_backup(folder: Path) -> None:
    """As others do: for a moment there is no such file."""
    (folder / "default.toml").rename(folder / "default.toml~")
    (folder / "default.toml").write_text(TEXT + "# more\n")


def added(folder: Path) -> None:
    """Another layer."""
    (folder / "local.toml").write_text("# nothing yet\n")


def removed(folder: Path) -> None:
    (folder / "default.toml").unlink()


def made_again(folder: Path) -> None:
    """As a deployment does that begins with cleaning up."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "default.toml").write_text(TEXT + "# more\n")


def renewed_token(folder: Path) -> None:
    """A file that the settings name."""
    (folder.parent / "token").write_text("another secret")


def move(path: Path, to: Path) -> None:
    path.rename(to)


def close(folder: Path, mode: int = 0o000) -> None:
    folder.chmod(mode)


CHANGES = [edited, saved_by_renaming, saved_after_a_backup, added, removed, made_again, renewed_token]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_is_noticed_once(folder: Path, change: Callable[[Path], None]) -> None:
    """However it is made; then nothing happens until the next one."""
    async with watched(folder) as reader:
        await reader.nothing()
        change(folder)
        await reader.next()
        await reader.nothing()
        (folder / "studio.toml").write_text("")
        await reader.next()
        assert reader.count == 3


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_before_watching_begins_is_noticed(
    folder: Path, change: Callable[[Path], None]
) -> None:
    """A run starts a moment after it has read its settings."""
    async with watched(folder, then=lambda: change(folder)) as reader:
        await reader.next()
        assert reader.count == 2


async def test_a_swapped_link_is_noticed(tmp_path: Path, folder: Path) -> None:
    """To a folder, to a file, and to a folder through which others lead, as Kubernetes mounts a ConfigMap."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "default.toml").write_text(f"{TEXT}# {name}\n")

    def swap(link: Path, target: Path | str) -> None:
        (tmp_path / "new").symlink_to(target)
        (tmp_path / "new").replace(link)

    current, mounted = tmp_path / "current", tmp_path / "mounted"
    current.symlink_to("one")
    mounted.mkdir()
    (mounted / "..data").symlink_to(tmp_path / "one")
    (mounted / "default.toml").symlink_to("..data/default.toml")
    (folder / "default.toml").unlink()
    (folder / "default.toml").symlink_to(tmp_path / "one" / "default.toml")
    for place, link, target in (
        (current, current, "two"),
        (mounted, mounted / "..data", tmp_path / "two"),
        (folder, folder / "default.toml", tmp_path / "two" / "default.toml"),
    ):
        async with watched(place) as reader:
            swap(link, target)
            await reader.next()
            await reader.nothing()


async def test_what_is_no_change_of_the_settings_is_passed_over(folder: Path) -> None:
    """A touched file, a file of another type, a file saved without changes."""
    async with watched(folder) as reader:
        (folder / "default.toml").touch()
        (folder / "notes.txt").write_text("hello")
        (folder / "default.toml").write_text(TEXT)
        await reader.nothing()


async def test_a_folder_that_is_away_leaves_things_as_they_are(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning is logged once; when the folder is back, it is read only if it has changed."""
    async with watched(folder) as reader:
        for text in (TEXT, TEXT + "# more\n"):
            move(folder, folder.with_name("away"))
            await reader.nothing()
            (folder.with_name("away") / "default.toml").write_text(text)
            move(folder.with_name("away"), folder)
            if text == TEXT:
                await reader.nothing()
            else:
                await reader.next()
        assert reader.count == 2
    said = [message for message in caplog.messages if "cannot be read (No such file or directory)" in message]
    assert len(said) == 2


async def test_a_folder_that_comes_later_is_read_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`watch` without a folder logs what it waits for."""
    folder = tmp_path / "config"
    async with watched(folder) as reader:
        await reader.nothing()
        assert "kernel.watch: folder" in caplog.text
        folder.mkdir()
        (folder / "default.toml").write_text("[kernel]\nwatch = true\n")
        await reader.next()


async def test_a_folder_without_permission_is_said_and_looked_at_again(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The watch goes on after any error of the folder."""
    close(folder)
    watch = Watcher(Reader(None, folder))
    with permissions_hold():
        with suppress(SettingsError):
            watch.read()
        watch._look()  # pyright: ignore[reportPrivateUsage]
    assert "cannot be read (Permission denied)" in caplog.text
    close(folder, 0o755)
    async with watched(folder) as reader:
        edited(folder)
        await reader.next()


async def test_a_reading_that_fails_is_not_the_last_one(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged, and the next reading follows after the next change."""
    async with watched(folder) as reader:
        reader.reads.fails = True
        edited(folder)
        await reader.next()
        await reader.nothing()
        reader.reads.fails = False
        added(folder)
        await reader.next()
        assert reader.count == 3
    assert "no luck" in caplog.text


async def test_files_are_left_alone_while_the_settings_say_so(folder: Path) -> None:
    """`watch` is off, and on again after a reload for another reason."""
    async with watched(folder) as reader:
        reader.reads.says_watch = False
        added(folder)
        await reader.next()
        edited(folder)
        await reader.nothing()
        reader.reads.says_watch = True
        await reader.read()
        saved_by_renaming(folder)
        await reader.next()


async def test_a_file_that_changes_all_the_time_is_read_all_the_same(folder: Path) -> None:
    """The wait for a quiet moment is bounded."""
    async with watched(folder) as reader, anyio.create_task_group() as group:

        async def write() -> None:
            for number in range(100_000):
                (folder / "default.toml").write_text(f"{TEXT}# {number}\n")
                await anyio.lowlevel.checkpoint()

        group.start_soon(write)
        await reader.next()
        group.cancel_scope.cancel()


async def test_a_fifo_in_the_folder_is_not_waited_for(folder: Path) -> None:
    """Reading it would block all further polls."""
    os.mkfifo(folder / "pipe.toml")
    async with watched(folder) as reader:
        added(folder)
        await reader.next()
