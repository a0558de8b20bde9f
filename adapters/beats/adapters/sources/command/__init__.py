"""Source `command`: what a program writes, as lines of JSON, as picture files or as raw pixels."""

from typing import Final

from beats.adapters.sources.command.settings import CommandSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=CommandSettings,
    source="beats.adapters.sources.command.source:CommandSource",
    summary="What a program of yours writes: JSON Lines, picture files or raw pixels",
)

__all__ = ["SOURCE", "CommandSettings"]
