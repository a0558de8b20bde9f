"""What the source `replay` needs to start."""

from typing import Final

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.resources import Input, Resources
from beats.kit.paths import expanded
from beats.recordings import PART_SUFFIX, SUFFIX

_ENDINGS: Final = (SUFFIX, SUFFIX + PART_SUFFIX)


def resources(settings: ReplaySettings, profile: str) -> Resources:
    """The recordings, or the folders that hold them."""
    paths = [expanded(path) for path in settings.paths]
    return Resources(inputs=tuple(Input("path", path, "any", _ENDINGS, is_deep=True) for path in paths))
