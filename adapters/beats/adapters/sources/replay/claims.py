"""What the source `replay` needs to start."""

from beats.adapters.sources.replay.settings import ReplaySettings
from beats.kernel.claims import Claims, Input


def claims(settings: ReplaySettings, profile: str) -> Claims:
    """The recordings, or the folders that hold them."""
    return Claims(inputs=tuple(Input("path", path.expanduser(), "any") for path in settings.paths))
