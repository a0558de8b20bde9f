"""Where the settings of a run come from, so that they can be read again."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self, cast

from beats.config.checks.validation import Inspected
from beats.config.errors import SettingsError
from beats.config.layers.arguments import override_layer
from beats.config.layers.merging import merge, plain
from beats.config.layers.profiles import wanted_folder
from beats.config.load import inspect_profile
from beats.config.settings import LogFormat, ProfileSettings
from beats.runtime.conflicts import lacking_packages
from beats.runtime.registry import InstalledAdapters


class Reader(NamedTuple):
    """Profile, folder and overrides; files and environment variables are read on each call."""

    profile: str | None = None
    config_dir: str | Path | None = None
    sets: Sequence[str] | None = None
    """`--set` options."""
    replace_sources: Mapping[str, object] | None = None
    """Source tables that replace those of the profile."""
    overrides: Mapping[str, object] | None = None
    """Settings with the priority of `--set`."""
    log_format: LogFormat | None = None
    """Overrides `kernel.log_format`."""

    @property
    def folder(self) -> Path:
        """The folder in which profiles are looked up first."""
        return wanted_folder(self.config_dir, os.environ)

    def read(self) -> ProfileSettings:
        """Read and check the settings.

        Raises:
            SettingsError: the settings are invalid, or need a package that is not installed.
        """
        found = self.inspect()
        settings = found.settings()
        if problems := lacking_packages(found):
            raise SettingsError(problems, found.warnings)
        return settings

    def inspect(self) -> Inspected:
        """Read the settings and collect their problems.

        Raises:
            SettingsError: the profile cannot be read at all.
        """
        return inspect_profile(
            InstalledAdapters(),
            profile=self.profile,
            config_dir=self.config_dir,
            environ=os.environ,
            overrides=self.overrides,
            sets=self._all_sets,
            replace_sources=self.replace_sources,
        )

    def overridden(self, overrides: Mapping[str, object]) -> Self:
        """A reader with more overrides, merged table by table.

        Raises:
            SettingsError: the overrides cannot be settings.
        """
        if not overrides:
            return self
        merged = merge((override_layer(self.overrides or {}), override_layer(overrides)))
        return self._replace(overrides=cast("Mapping[str, object]", plain(merged)))

    @property
    def _all_sets(self) -> Sequence[str]:
        chosen = [] if self.log_format is None else [f"kernel.log_format={self.log_format}"]
        return [*(self.sets or ()), *chosen]
