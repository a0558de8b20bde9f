"""Source `jsonl`: peripheral updates as JSON Lines from standard input, a file or a FIFO."""

from beats.adapters.sources.jsonl.source import SOURCE, JsonlSettings, JsonlSource

__all__ = ["SOURCE", "JsonlSettings", "JsonlSource"]
