"""How the help of a command is laid out, made of its docstring: the examples come last, a line each.

That is where a terminal still shows them when the options have filled it.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

_EXAMPLES = re.compile(r"Examples?: ")


def arrange(command: Any) -> None:
    """Lay out the help of a command, and of the commands in it."""
    text, examples = split(command.help or "")
    command.help = text
    if examples:
        command.epilog = epilog(examples)
    for each in getattr(command, "commands", {}).values():
        arrange(each)


def split(docstring: str) -> tuple[str, list[str]]:
    """Its paragraphs, each on one line so that it wraps as wide as the terminal is, and its examples.

    Examples stand in the last paragraph, each in backticks: Examples: `beats run`, `beats run show.gif`.
    """
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(docstring).split("\n\n")]
    if _EXAMPLES.match(paragraphs[-1]):
        return "\n\n".join(paragraphs[:-1]), re.findall(r"`([^`]+)`", paragraphs[-1])
    return "\n\n".join(paragraphs), []


def epilog(examples: Iterable[str]) -> str:
    """The examples as they stand at the end of a help."""
    return "\n".join(_lines(examples))


def _lines(examples: Iterable[str]) -> Iterator[str]:
    yield "Examples:"
    for example in examples:
        escaped = example.replace("[", "\\[")
        yield f"[cyan]  {escaped}[/cyan]"  # rich's markup; a blank at the beginning of a line would be lost
