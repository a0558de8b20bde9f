"""`beats doctor`."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from beats.cli import documentation
from beats.cli.common import ConfigOption, ProfileOption, SetOption
from beats.cli.more import More
from beats.cli.output import EXIT_FAILED, EXIT_SETTINGS, say, say_document
from beats.cli.printable import printable
from beats.config.errors import SettingsError
from beats.doctor.findings import LEVELS, Finding, Level
from beats.runtime.reader import Reader

if TYPE_CHECKING:  # not needed for JSON
    from rich.table import Table

_STYLES: Final[dict[Level, str]] = {"ok": "green", "note": "blue", "warning": "yellow", "fault": "bold red"}


def doctor(
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Check the installation, this machine and a profile, and advise what to do about problems.

    Covers package versions, ports in use, disk space, open files, the clock, and all checks of
    `beats config check`. It changes nothing; the worst findings come last.

    Exit code 0: no faults, perhaps warnings; 1: faults; 2: wrong usage; 78: invalid settings.

    Examples: `beats doctor`, `beats doctor --profile studio`, `beats doctor --json | jq .findings`.
    """
    from beats.doctor.examination import examine  # only now: it loads what only this command needs

    try:
        found = Reader(profile, config, sets).inspect()
    except SettingsError as error:
        findings = examine(error)
    else:
        findings = examine(found)
    code = exit_code(findings)
    if as_json:
        say_document(document(findings, code))
    else:
        _show(findings)
    if code:
        raise typer.Exit(code)


def exit_code(findings: Sequence[Finding]) -> int:
    """The exit code of the command."""
    faults = [finding for finding in findings if finding.level == "fault"]
    if any(fault.is_setting for fault in faults):
        return EXIT_SETTINGS
    return EXIT_FAILED if faults else 0


def document(findings: Sequence[Finding], code: int) -> dict[str, object]:
    """All findings as JSON values, in the order of the checks."""
    keys = ("subject", "level", "found", "advice")
    plain = [{key: getattr(finding, key) for key in keys} for finding in findings]
    return {"exit_code": code, "levels": dict(levels(findings)), "findings": plain}


def levels(findings: Sequence[Finding]) -> Counter[Level]:
    """The number of findings of each level."""
    return Counter({level: sum(finding.level == level for finding in findings) for level in LEVELS})


def _show(findings: Sequence[Finding]) -> None:
    from beats.cli.output import out

    ordered = sorted(findings, key=lambda finding: LEVELS.index(finding.level))
    if out.is_terminal:
        out.print(_table(ordered))
    else:
        for finding in ordered:
            say(line(finding))
    say(summary(findings))
    if any(finding.level in ("warning", "fault") for finding in findings):
        say(f"More: {documentation.command(More.DOCTOR)}")


def line(finding: Finding) -> str:
    """A finding on one line, for `grep`."""
    advice = f" -> {finding.advice}" if finding.advice else ""
    return f"{finding.level:7}  {finding.subject}: {finding.found}{advice}"


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    count = levels(findings)
    faults, warnings = (
        f"{count[level] or 'no'} {level}{'' if count[level] == 1 else 's'}" for level in ("fault", "warning")
    )
    return f"{faults}, {warnings}"


def _table(findings: Sequence[Finding]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    result = Table.grid(padding=(0, 2, 0, 0))
    result.add_column(no_wrap=True)
    result.add_column(no_wrap=True)
    result.add_column(overflow="fold")  # paths are not cut off
    for finding in findings:
        text = Text(printable(finding.found))
        if finding.advice:
            text.append(f"\n→ {printable(finding.advice)}", "bold")
        result.add_row(Text(finding.level, _STYLES[finding.level]), Text(printable(finding.subject)), text)
    return result
