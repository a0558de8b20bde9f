"""Reads the settings, and notices when their files change.

It polls four times a second, which costs a fifth of a millisecond. A library based on inotify was used
before. It watches the folder that had the name at the start, and so misses a swapped link and a recreated
folder; it misses changes made before it starts; and it fails where the system has no watches left.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import anyio
from anyio import to_thread

from beats.config.layers.files import open_regular
from beats.config.settings import ProfileSettings
from beats.kit.paths import Stamp, stamp
from beats.runtime.reader import Reader
from beats.runtime.registry import resources_of

LOOK_S: Final = 0.25
"""Seconds between two polls."""
IDLE_S: Final = 1.0
"""Seconds between two checks of whether to watch at all."""
_SETTLED: Final = 1
"""Polls without a change before a file is read: an editor writes it in several steps."""
_SETTLED_GONE: Final = 4
"""The same when a file is missing, which may come back."""
_MOST_LOOKS: Final = 20
"""After this many polls, files that keep changing are read as they are."""
_MOST_BYTES: Final = 1024 * 1024
"""Compared bytes of a file; profiles are far smaller."""

_log: Final = logging.getLogger(__name__)


class _Found(NamedTuple):
    """The files at one moment."""

    profiles: Mapping[Path, bytes | str]
    named: Mapping[Path, Stamp | str]


class Watcher:
    """Reads the settings, and notices when their files change.

    It watches the folder of profiles and the files that settings name, such as token files.
    """

    def __init__(self, reader: Reader) -> None:
        """Nothing is read yet; the folder of profiles may be created later."""
        self.reader = reader
        """How the settings were last read."""
        self._folder: Final = reader.folder
        self._named: tuple[Path, ...] = ()
        self._is_wanted = False
        self._read = _Found({}, {})
        self._trouble = ""

    def read(self, reader: Reader | None = None) -> ProfileSettings:
        """Read the settings; a new reader replaces the current one unless reading fails. Accesses the disk.

        Raises:
            SettingsError: the settings are invalid.
        """
        reader = reader or self.reader
        try:  # before the settings are read, so that no later change is missed
            self._read = self._read._replace(profiles=_profiles_in(self._folder))
        except OSError:  # the settings are read without it
            self._read = self._read._replace(profiles={})
        settings = reader.read()
        self.reader = reader
        self._is_wanted = settings.kernel.watch
        self._named = tuple(_named_files(settings))
        self._read = self._read._replace(named=_stamps(self._named))
        return settings

    async def run(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Call `reload` after each change while `kernel.watch` is set; errors are only logged."""
        while True:
            await anyio.sleep(LOOK_S if self._is_wanted else IDLE_S)
            if not self._is_wanted:
                continue
            try:
                if await self._has_changed():
                    await reload()
            except Exception:  # the stream goes on, and the next poll may work
                _log.exception("watching the settings failed; trying again")

    async def _has_changed(self) -> bool:
        now = await to_thread.run_sync(self._look)
        if now != self._read:
            now = await self._settled(now)
        is_new = now != self._read
        self._read = now  # if it is invalid, it is not read again before the next change
        return is_new

    async def _settled(self, now: _Found) -> _Found:
        """The files once they stay the same."""
        same = 0
        for _ in range(_MOST_LOOKS):
            has_gone = bool(self._read.profiles.keys() - now.profiles.keys())
            if same >= (_SETTLED_GONE if has_gone else _SETTLED):
                break
            await anyio.sleep(LOOK_S)
            later = await to_thread.run_sync(self._look)
            same = same + 1 if later == now else 0
            now = later
        return now

    def _look(self) -> _Found:
        """The files now; while the folder is missing, its files count as unchanged."""
        try:
            profiles = _profiles_in(self._folder)
            trouble = ""
        except OSError as error:
            profiles, trouble = self._read.profiles, error.strerror or str(error)
        if trouble and trouble != self._trouble:
            text = "kernel.watch: folder %s cannot be read (%s); waiting for it"
            _log.warning(text, self._folder, trouble)
        self._trouble = trouble
        return _Found(profiles, _stamps(self._named))


def _profiles_in(folder: Path) -> Mapping[Path, bytes | str]:
    return {path: _content(path) for path in sorted(folder.iterdir()) if path.suffix == ".toml"}


def _stamps(paths: Iterable[Path]) -> Mapping[Path, Stamp | str]:
    return {path: stamp(path) for path in paths}


def _named_files(settings: ProfileSettings) -> Iterator[Path]:
    for sink in settings.sinks.values():
        try:
            inputs = resources_of(sink, settings.profile).inputs
        except Exception:  # the adapter breaks its contract; `config check` reports it
            continue
        yield from (each.path for each in inputs if each.kind == "file")


def _content(path: Path) -> bytes | str:
    """A digest of a file's content, or why it cannot be read."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            return hashlib.blake2b(file.read(_MOST_BYTES)).digest()
    except OSError as error:
        return error.strerror or str(error)
