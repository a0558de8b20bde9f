"""Notices that the files which settings come from have changed since they were read.

It looks at them four times a second, which costs a fifth of a millisecond. A library that has the system tell
it of changes (inotify) was used before: it watches the folder that had the name at the start, and so misses a
link that is swapped and a folder that is made again; it misses what changes before it begins; and it fails
where the system has no watches left.
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
from beats.kit.stamps import Stamp, stamp
from beats.runtime.registry import resources_of

LOOK_S: Final = 0.25
"""Seconds between two looks."""
IDLE_S: Final = 1.0
"""Seconds between two questions whether to look at all."""
_SETTLED: Final = 1
"""Looks that must find the same as the one before: an editor writes a file in several steps."""
_SETTLED_GONE: Final = 4
"""The same, when a file has gone that may be on its way back."""
_MOST_LOOKS: Final = 20
"""After so many, files that change all the time are read as they are."""
_MOST_BYTES: Final = 1024 * 1024
"""Of a file that are compared; no profile comes near it."""

_log: Final = logging.getLogger(__name__)


class _Found(NamedTuple):
    """What there is at one moment."""

    profiles: Mapping[Path, bytes | str]
    named: Mapping[Path, Stamp | str]


class Watch:
    """Of one folder of profiles, and of the files that settings name, such as those of tokens."""

    def __init__(self, folder: Path) -> None:
        """Name the folder, which may come into being later."""
        self._folder: Final = folder
        self._named: tuple[Path, ...] = ()
        self._is_wanted = False
        self._read = _Found({}, {})
        self._trouble = ""

    def about_to_read(self) -> None:
        """To be called before settings are read, so that no change after that is missed; touches the disk."""
        try:
            self._read = self._read._replace(profiles=_profiles_in(self._folder))
        except OSError:  # the settings are read without it
            self._read = self._read._replace(profiles={})

    def have_read(self, settings: ProfileSettings) -> None:
        """To be called with the settings before they take effect; touches the disk."""
        self._is_wanted = settings.kernel.watch
        self._named = tuple(_named_files(settings))
        self._read = self._read._replace(named=_stamps(self._named))

    async def run(self, reload: Callable[[], Awaitable[object]]) -> None:
        """Call `reload` when something has changed, while the settings say so; nothing that fails ends it."""
        while True:
            await anyio.sleep(LOOK_S if self._is_wanted else IDLE_S)
            if not self._is_wanted:
                continue
            try:
                if await self._has_changed():
                    await reload()
            except Exception:  # whatever it is, the stream goes on, and the next look may do better
                _log.exception("the files of the settings cannot be watched for the moment")

    async def _has_changed(self) -> bool:
        now = await to_thread.run_sync(self._look)
        if now != self._read:
            now = await self._settled(now)
        is_new = now != self._read
        self._read = now  # if it cannot be used, it is not read again before something else changes
        return is_new

    async def _settled(self, now: _Found) -> _Found:
        """What there is once it stays the same."""
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
        """What there is now; while the folder is away, its files count as they were."""
        try:
            profiles = _profiles_in(self._folder)
            trouble = ""
        except OSError as error:
            profiles, trouble = self._read.profiles, error.strerror or str(error)
        if trouble and trouble != self._trouble:
            text = "kernel.watch: folder %s cannot be read (%s); its files are read when it can"
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
        except Exception:  # an adapter that breaks its contract; a check says so
            continue
        yield from (each.path for each in inputs if each.kind == "file")


def _content(path: Path) -> bytes | str:
    """What tells one content of a file from another, or why it cannot be read."""
    try:
        with open(path, "rb", opener=open_regular) as file:
            return hashlib.blake2b(file.read(_MOST_BYTES)).digest()
    except OSError as error:
        return error.strerror or str(error)
