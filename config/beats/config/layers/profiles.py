"""Profiles: where their files are, and which there are."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from stat import S_ISDIR
from typing import Final, NamedTuple

from beats.config.errors import Problem, SettingsError, nearest, shown

SHIPPED: Final = Path(__file__).parents[1]
"""The folder of the profiles that come with Beats."""
DEFAULT: Final = "default"
"""The profile that is taken when none is named: the shipped base layer and nothing else."""
LOCAL: Final = "local"
"""`local.toml` is no profile: it lies above whichever profile runs."""
PROFILE_VARIABLE: Final = "BEATS_PROFILE"
CONFIG_DIR_VARIABLE: Final = "BEATS_CONFIG_DIR"
DEFAULT_FOLDER: Final = Path("config")
"""Where profiles are looked for when nothing names a folder."""


class ProfileInfo(NamedTuple):
    """One profile that can be named."""

    name: str
    path: Path
    summary: str
    """The first line of comment in its file: who it is for."""


class Chosen(NamedTuple):
    """The files that one start reads."""

    name: str
    profile: Path | None
    """The profile's own file; None for `default` when the user has no `default.toml`."""
    local: Path | None
    """The machine's own settings, `local.toml` in the folder of profiles, if it is there."""
    folder: Path | None
    """The folder of the user's profiles."""


def choose(profile: str | None, config_dir: Path | str | None, environ: Mapping[str, str]) -> Chosen:
    """Find the files of the profile that is named, by the argument or else by `BEATS_PROFILE`.

    A user's own `default.toml` is the layer of the profile `default`; it lies above the shipped one and
    has no part in other profiles.

    Raises:
        SettingsError: no such profile or folder.
    """
    folder = find_folder(config_dir, environ)
    place = "profile" if profile is not None else PROFILE_VARIABLE
    # An empty variable counts as none: `BEATS_PROFILE= beats run` is how a shell takes one back.
    name = profile if profile is not None else environ.get(PROFILE_VARIABLE) or DEFAULT
    path = find(name, folder, place)
    local = _file(folder, LOCAL)
    return Chosen(name, path, local, folder)


def list_profiles(config_dir: Path | str | None, environ: Mapping[str, str]) -> list[ProfileInfo]:
    """Every profile by name; a user's file stands in for a shipped one of the same name.

    Raises:
        SettingsError: the folder does not exist, or cannot be read.
    """
    found = _known(find_folder(config_dir, environ))
    return [ProfileInfo(name, path, _summary(path)) for name, path in sorted(found.items())]


def find_folder(config_dir: Path | str | None, environ: Mapping[str, str]) -> Path | None:
    """The folder of the user's profiles: the argument, `BEATS_CONFIG_DIR`, or `./config` if it is there.

    Raises:
        SettingsError: the folder that was named does not exist, or one cannot be looked at.
    """
    folder = wanted_folder(config_dir, environ)
    named = _named(config_dir, environ)
    place = "config" if config_dir is not None or not named else CONFIG_DIR_VARIABLE
    problem = partial(Problem, place, "", shown(str(folder)))
    try:
        if S_ISDIR(folder.stat().st_mode):
            return folder
        message = "is not a folder"
    except (FileNotFoundError, NotADirectoryError):
        message = "no such folder"
    except OSError as error:
        raise SettingsError([problem(_unreadable(error))]) from error
    if not named:
        return None
    raise SettingsError([problem(message)])


def wanted_folder(config_dir: Path | str | None, environ: Mapping[str, str]) -> Path:
    """The folder of the user's profiles that is looked into, whether or not it is there."""
    return Path(_named(config_dir, environ) or DEFAULT_FOLDER)


def _named(config_dir: Path | str | None, environ: Mapping[str, str]) -> Path | str | None:
    return config_dir if config_dir is not None else environ.get(CONFIG_DIR_VARIABLE)


def profile_of(file: Path) -> tuple[str, Path]:
    """The profile that a file is, and the folder that it is found in; of `local.toml`, `default`.

    Raises:
        SettingsError: it is not there, or its name is none of a profile's file.
    """
    if not _exists(file):
        raise SettingsError([Problem(str(file), "", None, "no such file")])
    if file.suffix != ".toml":
        raise SettingsError([Problem(str(file), "", None, "the name of a profile's file ends with .toml")])
    return DEFAULT if file.stem == LOCAL else file.stem, file.parent


def check_name(name: str, place: str, key: str = "") -> None:
    """Accept what can be the name of a profile.

    Raises:
        SettingsError: it cannot be one; says why.
    """
    if name == LOCAL:
        message = "local.toml lies above every profile and is not one itself"
        raise SettingsError([Problem(place, key, shown(name), message)])
    if not re.fullmatch(r"\w[\w.-]*", name):
        message = "a profile's name is made of letters, digits, '_', '-' and '.', without a folder"
        raise SettingsError([Problem(place, key, shown(name), message)])


def find(name: str, folder: Path | None, place: str, key: str = "") -> Path | None:
    """The file of a profile: the user's own, or else the shipped one; None for a `default` without one.

    Args:
        name: the profile's.
        folder: that of the user's profiles.
        place: where the name stands, for the message.
        key: the key that it is the value of there, if any.

    Raises:
        SettingsError: there is no such profile.
    """
    check_name(name, place, key)
    if own := _file(folder, name):
        return own
    if name == DEFAULT:
        return None
    if shipped := _file(SHIPPED, name):
        return shipped
    known = sorted(_known(folder))
    places = f"{folder} and among the shipped ones" if folder is not None else "among the shipped ones"
    message = f"no such profile (looked in {places}); known are: {', '.join(known)}"
    raise SettingsError([Problem(place, key, shown(name), message, nearest(name, known))])


def _file(folder: Path | None, name: str) -> Path | None:
    # Whatever has the name is taken, a folder too: reading it then says what is wrong with it.
    return path if folder is not None and _exists(path := folder / f"{name}.toml") else None


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:  # a folder on the way to it is closed to us
        raise SettingsError([Problem(str(file), "", None, _unreadable(error))]) from error


def _known(folder: Path | None) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for place in (SHIPPED,) if folder is None else (SHIPPED, folder):
        try:
            paths = [path for path in place.iterdir() if path.suffix == ".toml" and path.is_file()]
        except OSError as error:
            raise SettingsError([Problem(str(place), "", None, _unreadable(error))]) from error
        found.update({path.stem: path for path in paths if path.stem != LOCAL})
    return found


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"


def _summary(path: Path) -> str:
    """The first comment that is for people; `#:` begins one for editors."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""  # listing profiles must not fail for one that is broken; loading it says why
    comments = (line.lstrip("#").strip() for line in lines if re.match(r"#(?!:)", line))
    return next((comment for comment in comments if comment), "")
