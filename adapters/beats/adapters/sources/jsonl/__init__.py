"""Source `jsonl`: peripheral updates as JSON Lines from standard input, a file or a FIFO."""

from typing import Final

from beats.adapters.sources.jsonl.resources import resources
from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.ports import Context, Source, SourceKind


def build(settings: JsonlSettings, context: Context) -> Source:
    """Only now is what it runs on imported: settings are read and checked without it."""
    from beats.adapters.sources.jsonl.source import JsonlSource

    return JsonlSource(settings, context)


SOURCE: Final = SourceKind(
    settings=JsonlSettings,
    build=build,
    summary="Peripheral updates as JSON Lines from standard input, a file or a FIFO",
    resources=resources,
)

__all__ = ["SOURCE", "JsonlSettings", "build"]
