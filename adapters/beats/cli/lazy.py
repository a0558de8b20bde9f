"""Commands that are imported when they are called or listed, and the layout of their help."""

import gc
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command


class LazyGroup(TyperGroup):
    """A group that imports each command when it is called or listed."""

    places: ClassVar[Mapping[str, str]] = {}
    """The place of each command, `module:function`, in the order of the help. A place may also name a
    `typer.Typer` with several commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return list(dict.fromkeys([*self.places, *super().list_commands(ctx)]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, None if there is none."""
        if cmd_name in self.places and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name, self.places[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does; the error for an unknown one names the most similar of all."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(unknown(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def unknown(name: str, known: Iterable[str]) -> str:
    """The text for a command that does not exist."""
    from beats.config.errors import nearest  # only now: a right name needs none of it

    meant = nearest(name, known)
    return f"there is no command {name!r:.80}" + (f"; did you mean '{meant}'?" if meant else "")


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    command: Any = get_command(found)
    command.name = name
    arrange(command)
    if not gc.isenabled():  # `main` disabled it: modules imported so far stay, objects of the command may go
        gc.freeze()
        gc.enable()
    return command


_EXAMPLES = re.compile(r"Examples?: ")


def arrange(command: Any) -> None:
    """Lay out the help of a command and of its subcommands: examples come last, one per line.

    A terminal that the options have filled still shows its last lines.
    """
    text, examples = split(command.help or "")
    command.help = text
    if examples:
        command.epilog = epilog(examples)
    for each in getattr(command, "commands", {}).values():
        arrange(each)


def split(docstring: str) -> tuple[str, list[str]]:
    """The paragraphs of a docstring, each on one line so that the terminal wraps it, and its examples.

    Examples are in the last paragraph, each in backticks: Examples: `beats run`, `beats run show.gif`.
    """
    paragraphs = [" ".join(part.split()) for part in inspect.cleandoc(docstring).split("\n\n")]
    if _EXAMPLES.match(paragraphs[-1]):
        return "\n\n".join(paragraphs[:-1]), re.findall(r"`([^`]+)`", paragraphs[-1])
    return "\n\n".join(paragraphs), []


def epilog(examples: Iterable[str]) -> str:
    """The examples as the end of a help text."""
    return "\n".join(_lines(examples))


def _lines(examples: Iterable[str]) -> Iterator[str]:
    yield "Examples:"
    for example in examples:
        escaped = example.replace("[", "\\[")
        yield f"[cyan]  {escaped}[/cyan]"  # rich markup, as blanks at the start of a line would be lost
