"""A profile inside somebody's program: read, checked, and brought to other settings while it runs."""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from anyio import to_thread

from beats.adapters.catalogues import InstalledAdapters
from beats.adapters.dispatcher import Dispatcher
from beats.adapters.live import Change, LiveProfile
from beats.config.arguments import override_layer
from beats.config.layers import merge, plain
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings

_log: Final = logging.getLogger("beats.app")


class Embedded:
    """What a `Stream` stands on. `apply` and `reload` are for the kernel's event loop."""

    def __init__(
        self, profile: str | None, config_dir: str | Path | None, overrides: Mapping[str, object] | None
    ) -> None:
        """Read and check a profile, and put its kernel together; nothing runs yet.

        Raises:
            SettingsError: something is wrong with the settings; the text lists all of it.
        """
        self._profile: Final = profile
        self._config_dir: Final = config_dir
        self._overrides: Mapping[str, object] = overrides or {}
        self._live: Final = LiveProfile(self._read(self._overrides))
        self.kernel: Final = self._live.kernel
        self.dispatcher: Final = Dispatcher()
        self.kernel.bus.connect("control", self.dispatcher.put)

    async def apply(self, overrides: Mapping[str, object]) -> list[Change]:
        """Read the settings anew, with further ones above all others, and apply what differs.

        Raises:
            SettingsError: something is wrong with them; nothing has changed.
        """
        layers = override_layer(self._overrides), override_layer(overrides)
        merged = cast("Mapping[str, object]", plain(merge(layers)))
        settings = await to_thread.run_sync(self._read, merged)
        self._overrides = merged
        return await self._live.apply(settings)

    async def reload(self) -> list[Change]:
        """Read the settings anew, and apply what differs.

        Raises:
            SettingsError: something is wrong with them; nothing has changed.
        """
        return await self.apply({})

    def _read(self, overrides: Mapping[str, object]) -> ProfileSettings:
        settings = load_profile(
            InstalledAdapters(),
            profile=self._profile,
            config_dir=self._config_dir,
            environ=os.environ,
            overrides=overrides,
        )
        for warning in settings.warnings:
            _log.warning("%s", warning)
        # The program that embeds the kernel is a source itself, and it ends when the block ends.
        stays = settings.kernel.model_copy(update={"when_sources_end": "stay"})
        return replace(settings, kernel=stays)
