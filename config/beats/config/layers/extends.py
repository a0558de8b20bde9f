"""Profiles that build on one another: `extends = "studio"` puts the layers of another below one's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from beats.config.errors import Problem, SettingsError, shown
from beats.config.layers.merging import Layer, Level
from beats.config.layers.profiles import DEFAULT, Chosen, find

EXTENDS: Final = "extends"
"""The key at the top of a profile's file."""


def profile_layers(chosen: Chosen, read: Callable[[Level, Path], Layer]) -> list[Layer]:
    """The layers of a profile and of those that it extends, lowest first, without the key `extends`.

    Args:
        chosen: the profile.
        read: reads one file.

    Raises:
        SettingsError: a file cannot be read, a profile that is extended does not exist, or one extends itself
            in the end.
    """
    layers: list[Layer] = []
    names = [chosen.name]
    path = chosen.profile
    while path is not None:
        layer = read(Level.PROFILE, path)
        tree = dict(layer.tree)
        below = tree.pop(EXTENDS, None)
        layers.insert(0, layer._replace(tree=tree))
        if below is None:
            break
        line = layer.lines.get((EXTENDS,))
        place = layer.where if line is None else f"{layer.where}:{line}"
        if not isinstance(below, str):
            message = f'must be text, in quotes, such as extends = "{DEFAULT}"'
            raise SettingsError([Problem(place, EXTENDS, shown(below), message)])
        if below in names:
            circle = " -> ".join([*names[names.index(below) :], below])
            message = f"a profile cannot build on itself: {circle}"
            raise SettingsError([Problem(place, EXTENDS, shown(below), message)])
        names.append(below)
        path = find(below, chosen.folder, place, EXTENDS)
    return layers
