"""What the source `jsonl` needs to start."""

from beats.adapters.paths import expanded
from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.claims import Claims, Input


def claims(settings: JsonlSettings, profile: str) -> Claims:
    """The file, or nothing when it is standard input."""
    if settings.path == "-":
        return Claims()
    return Claims(inputs=(Input("path", expanded(settings.path), may_come=settings.follow),))
