"""`beats reload`."""

from typing import cast

import typer

from beats.cli.common import PidOption, ask_or_exit
from beats.cli.output import EXIT_FAILED, EXIT_SETTINGS, complain, say


def reload(pid: PidOption = None) -> None:
    """Have a running Beats read its settings anew, and apply what differs.

    Viewers of other sinks notice nothing. If anything is wrong with the settings, nothing changes. Prints
    what was done.

    Exit code 0: done; 1: it does not run, or a part could not be changed and runs on as before; 78: wrong
    settings.

    Examples: `beats reload`, `beats reload --pid 4711`.
    """
    answer = ask_or_exit("reload", pid)
    if "refused" in answer:
        for problem in str(answer["refused"]).splitlines():
            complain(problem)
        raise typer.Exit(EXIT_SETTINGS)
    changed = cast("list[str]", answer.get("changed", []))
    failed = cast("dict[str, str]", answer.get("failed", {}))
    for what in changed:
        say(what)
    for what, why in failed.items():
        complain(f"{what}: failed, and it runs on as before: {why}")
    if failed:
        raise typer.Exit(EXIT_FAILED)
    if not changed:
        say("nothing changed")
