"""Source `command`: what a program writes, as lines of JSON, as picture files or as raw pixels."""

from typing import Final

from beats.adapters.sources.command.settings import CommandSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=CommandSettings,
    source="beats.adapters.sources.command.source:CommandSource",
    summary="What a program of yours writes: JSON Lines, picture files or raw pixels",
    docs="sources#a-program",
    metrics={
        "running": "1 while the program runs, else 0.",
        "invalid_total": "Lines, pictures and frames of the program that could not be read.",
        "refused_total": "Updates and pictures of the program that the bus refused.",
        "messages_total": "Lines that the program wrote to standard error.",
    },
)

__all__ = ["SOURCE", "CommandSettings"]
