"""What the source `replay` needs to start."""

from typing import Final

from beats.adapters.paths import expanded
from beats.adapters.recordings import PART_SUFFIX, SUFFIX
from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.claims import Claims, Input

_ENDINGS: Final = (SUFFIX, SUFFIX + PART_SUFFIX)


def claims(settings: ReplaySettings, profile: str) -> Claims:
    """The recordings, or the folders that hold them."""
    paths = [expanded(path) for path in settings.paths]
    return Claims(inputs=tuple(Input("path", path, "any", _ENDINGS, is_deep=True) for path in paths))
