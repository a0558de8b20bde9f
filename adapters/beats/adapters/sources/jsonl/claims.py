"""What the source `jsonl` needs to start."""

from pathlib import Path

from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.claims import Claims, Input


def claims(settings: JsonlSettings, profile: str) -> Claims:
    """The file, or nothing when it is standard input."""
    if settings.path == "-":
        return Claims()
    return Claims(inputs=(Input("path", Path(settings.path).expanduser(), may_come=settings.follow),))
