"""What the source `jsonl` needs to start."""

from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.resources import Input, Resources
from beats.kit.paths import expanded


def resources(settings: JsonlSettings, profile: str) -> Resources:
    """The file, or nothing when it is standard input."""
    if settings.path == "-":
        return Resources()
    return Resources(inputs=(Input("path", expanded(settings.path), may_come=settings.follow),))
