"""Source `jsonl`: peripheral updates as JSON Lines from standard input, a file or a FIFO."""

from typing import Final

from beats.adapters.sources.jsonl.settings import JsonlSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=JsonlSettings,
    source="beats.adapters.sources.jsonl.source:JsonlSource",
    summary="Peripheral updates as JSON Lines from standard input, a file or a FIFO",
    docs="sources#sensor-readings",
)

__all__ = ["SOURCE", "JsonlSettings"]
