"""Completes the names and values of settings, as in `--set sinks.browser.po`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, get_args, get_origin

from beats.config.layers.merging import Leaf, Table, child
from beats.config.load import inspect_profile
from beats.config.schema import (
    GROUPS,
    SECTIONS,
    TABLES,
    Group,
    descriptions,
    expected_at,
    is_mapping,
    is_model,
    members,
)
from beats.runtime.registry import InstalledAdapters


class SettingNames:
    """The settings of one profile, whether or not its values are valid."""

    def __init__(self, root: Table, adapters: InstalledAdapters) -> None:
        self._root: Final = root
        self._adapters: Final = adapters

    @classmethod
    def of(cls, profile: str | None, config: Path | str | None) -> Self:
        """The settings of the profile that would run.

        Raises:
            SettingsError: there is no such profile, or a file cannot be read.
        """
        adapters = InstalledAdapters()
        found = inspect_profile(adapters, profile=profile, config_dir=config, environ=os.environ)
        return cls(found.root, adapters)

    def offers(self, incomplete: str) -> Iterator[tuple[str, str]]:
        """The completions of a `--set`, each with its help: a table `sinks.`, a key `port=`, or a value."""
        path, equals, _ = incomplete.partition("=")
        if equals:
            yield from ((f"{path}={value}", "") for value in self._values(path.split(".")))
            return
        found = self._starting(incomplete)
        while len(found) == 1 and found[0][0].endswith("."):  # some shells would add a blank after it
            below = self._starting(found[0][0])
            if not below:
                break
            found = below
        yield from found

    def _starting(self, incomplete: str) -> list[tuple[str, str]]:
        above, point, _ = incomplete.rpartition(".")
        names = self._names(above.split(".") if above else [])
        return [
            (above + point + name, text)
            for name, text in names
            if (above + point + name).startswith(incomplete)
        ]

    def _names(self, path: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The keys of a table, each with the sign that follows it, and their help."""
        if not path:
            yield from ((f"{section}.", "") for section in SECTIONS)
        elif len(path) == 1 and path[0] in GROUPS:
            group = child(self._root, path[0])
            yield from ((f"{name}.", "") for name in (group.children if isinstance(group, Table) else ()))
        else:
            for model in filter(is_model, members(self._expected(path))):
                texts = descriptions(model)
                for name, field in model.model_fields.items():
                    sign = "." if any(map(_is_table, members(field.annotation))) else "="
                    yield name + sign, texts.get(name, "")

    def _values(self, path: Sequence[str]) -> Iterator[str]:
        """The values of a setting that allows only a few."""
        if len(path) == 3 and path[0] in GROUPS and path[2] == "type":
            yield from self._adapters.names(path[0])
            return
        for member in members(self._expected(path)):
            if member is bool:
                yield from ("true", "false")
            elif get_origin(member) is Literal:
                yield from map(str, get_args(member))

    def _expected(self, path: Sequence[str]) -> Any:
        """The type expected at a path; Any when unknown."""
        group, *rest = path
        if group in TABLES:
            return expected_at(TABLES[group], rest)
        kind = child(child(child(self._root, group), rest[0]), "type") if rest else None
        if not isinstance(kind, Leaf):
            return Any
        try:
            return expected_at(self._adapters.settings(cast("Group", group), str(kind.value)), rest[1:])
        except (LookupError, ImportError, TypeError):  # reported by a check of the settings
            return Any


def _is_table(member: Any) -> bool:
    return is_model(member) or is_mapping(member)
