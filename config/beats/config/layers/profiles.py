"""Profiles: which there are, where their files are, and which files a profile is made of."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from stat import S_ISDIR
from typing import Final, NamedTuple

from beats.config.errors import Problem, SettingsError, nearest, shown
from beats.config.layers.files import read_layer
from beats.config.layers.merging import Layer, Level

SHIPPED: Final = Path(__file__).parents[1]
"""The folder of the profiles shipped with Beats."""
DEFAULT: Final = "default"
"""The profile used when none is named: the shipped base layer alone."""
LOCAL: Final = "local"
"""`local.toml` is not a profile, but a layer above every profile."""
EXTENDS: Final = "extends"
"""The key at the top of a profile's file that names the profile it extends."""
PROFILE_VARIABLE: Final = "BEATS_PROFILE"
CONFIG_DIR_VARIABLE: Final = "BEATS_CONFIG_DIR"
DEFAULT_FOLDER: Final = Path("config")
"""The folder of profiles when none is named."""


class ProfileInfo(NamedTuple):
    """A profile in a list of profiles."""

    name: str
    path: Path
    summary: str
    """The first comment in its file: its purpose."""


class ProfileFiles(NamedTuple):
    """The files of a profile."""

    name: str
    profile: Path | None
    """The profile's own file; None for `default` when the user has no `default.toml`."""
    local: Path | None
    """The settings of this machine, `local.toml` in the folder of profiles; None without that file."""
    folder: Path | None
    """The folder of the user's profiles."""


def choose(profile: str | None, config_dir: Path | str | None, environ: Mapping[str, str]) -> ProfileFiles:
    """Find the files of the profile named by the argument or else by `BEATS_PROFILE`.

    A user's own `default.toml` is the profile `default`, above the shipped one; other profiles do not use it.

    Raises:
        SettingsError: no such profile or folder.
    """
    folder = find_folder(config_dir, environ)
    place = "profile" if profile is not None else PROFILE_VARIABLE
    # An empty variable counts as not set: a shell unsets one with `BEATS_PROFILE= beats run`.
    name = profile if profile is not None else environ.get(PROFILE_VARIABLE) or DEFAULT
    return ProfileFiles(name, find(name, folder, place), _file(folder, LOCAL), folder)


def profile_layers(files: ProfileFiles) -> list[Layer]:
    """The layers of a profile and of those it extends, lowest first, without the key `extends`.

    Raises:
        SettingsError: a file cannot be read, an extended profile does not exist, or a profile extends itself.
    """
    layers: list[Layer] = []
    names = [files.name]
    path = files.profile
    while path is not None:
        layer = read_layer(Level.PROFILE, path)
        tree = dict(layer.tree)
        below = tree.pop(EXTENDS, None)
        layers.insert(0, layer._replace(tree=tree))
        if below is None:
            break
        problem = partial(Problem, layer.place((EXTENDS,)), EXTENDS, shown(below))
        if not isinstance(below, str):
            message = f'must be text, in quotes, such as extends = "{DEFAULT}"'
            raise SettingsError([problem(message)])
        if below in names:
            circle = " -> ".join([*names[names.index(below) :], below])
            raise SettingsError([problem(f"a profile cannot extend itself: {circle}")])
        names.append(below)
        path = find(below, files.folder, layer.place((EXTENDS,)), EXTENDS)
    return layers


def list_profiles(config_dir: Path | str | None, environ: Mapping[str, str]) -> list[ProfileInfo]:
    """All profiles by name; a user's file replaces a shipped one of the same name.

    Raises:
        SettingsError: the folder does not exist, or cannot be read.
    """
    found = _known(find_folder(config_dir, environ))
    return [ProfileInfo(name, path, _summary(path)) for name, path in sorted(found.items())]


def find_folder(config_dir: Path | str | None, environ: Mapping[str, str]) -> Path | None:
    """The folder of the user's profiles: the argument, `BEATS_CONFIG_DIR`, or `./config` if it exists.

    Raises:
        SettingsError: the named folder does not exist, or a folder cannot be read.
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
    """The folder of the user's profiles, whether or not it exists."""
    return Path(_named(config_dir, environ) or DEFAULT_FOLDER)


def _named(config_dir: Path | str | None, environ: Mapping[str, str]) -> Path | str | None:
    return config_dir if config_dir is not None else environ.get(CONFIG_DIR_VARIABLE)


def profile_of(file: Path) -> tuple[str, Path]:
    """The name of the profile in a file, and its folder; for `local.toml`, `default`.

    Raises:
        SettingsError: there is no such file, or its name does not end with .toml.
    """
    if not _exists(file):
        raise SettingsError([Problem(str(file), "", None, "no such file")])
    if file.suffix != ".toml":
        raise SettingsError([Problem(str(file), "", None, "the name of a profile's file ends with .toml")])
    return DEFAULT if file.stem == LOCAL else file.stem, file.parent


def check_name(name: str, place: str, key: str = "") -> None:
    """Check that a name can be that of a profile.

    Raises:
        SettingsError: it cannot.
    """
    if name == LOCAL:
        message = "local.toml is a layer above every profile, not a profile"
    elif not re.fullmatch(r"\w[\w.-]*", name):
        message = "a profile's name is made of letters, digits, '_', '-' and '.', without a folder"
    else:
        return
    raise SettingsError([Problem(place, key, shown(name), message)])


def find(name: str, folder: Path | None, place: str, key: str = "") -> Path | None:
    """The file of a profile: the user's own, else the shipped one; None for `default` without a user's file.

    Args:
        name: the name of the profile.
        folder: the folder of the user's profiles.
        place: where the name was given, for the message.
        key: the key there that holds the name, if any.

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
    places = "among those of Beats" if folder is None else f"in {folder} or among those of Beats"
    message = f"no such profile {places}; known are: {', '.join(known)}"
    raise SettingsError([Problem(place, key, shown(name), message, nearest(name, known))])


def _file(folder: Path | None, name: str) -> Path | None:
    # A folder of that name counts too: reading it then reports what is wrong with it.
    return path if folder is not None and _exists(path := folder / f"{name}.toml") else None


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:  # a folder above it may not be searched
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
    """The first comment for people; a comment for editors begins with `#:`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""  # a broken profile must not break the list; loading it reports why
    comments = (line.lstrip("#").strip() for line in lines if re.match(r"#(?!:)", line))
    return next((comment for comment in comments if comment), "")
