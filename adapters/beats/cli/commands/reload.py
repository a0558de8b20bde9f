"""`beats reload`."""

from typing import cast

import typer

from beats.cli.common import PidOption, ask_or_exit
from beats.cli.more import More
from beats.cli.output import EXIT_FAILED, EXIT_SETTINGS, complain, point_to, say


def reload(pid: PidOption = None) -> None:
    """Make a running Beats reload its settings and apply what changed.

    Sinks and sources that did not change go on undisturbed. If the settings are invalid, nothing changes.
    Prints each change.

    Exit code 0: done; 1: no Beats runs, or a change failed and the previous settings stay in effect; 78:
    invalid settings.

    Examples: `beats reload`, `beats reload --pid 4711`.
    """
    answer = ask_or_exit("reload", pid)
    if "refused" in answer:
        for problem in str(answer["refused"]).splitlines():
            complain(problem)
        point_to(More.RELOADS)
        raise typer.Exit(EXIT_SETTINGS)
    changed = cast("list[str]", answer.get("changed", []))
    failed = cast("dict[str, str]", answer.get("failed", {}))
    for what in changed:
        say(what)
    for what, why in failed.items():
        complain(f"{what}: failed, and the previous settings stay in effect: {why}")
    if failed:
        point_to(More.RELOADS)
        raise typer.Exit(EXIT_FAILED)
    if not changed:
        say("nothing changed")
