"""Commands that are imported when they are asked for, so that none waits for what only another one needs."""

import gc
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command

from beats.cli.help import arrange


class LazyGroup(TyperGroup):
    """A group whose commands are named, and found when they are called or listed."""

    places: ClassVar[Mapping[str, str]] = {}
    """Where each command is, `module:function`, in the order of the help. The function may also be a
    `typer.Typer` with commands of its own."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return list(dict.fromkeys([*self.places, *super().list_commands(ctx)]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, None if there is none."""
        if cmd_name in self.places and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name, self.places[cmd_name])
        return super().get_command(ctx, cmd_name)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(add_completion=False)
        found.command(name)(function)
    command: Any = get_command(found)
    command.name = name
    arrange(command)
    if not gc.isenabled():  # as `main` has it: what is imported by now stays, what the command makes may go
        gc.freeze()
        gc.enable()
    return command
