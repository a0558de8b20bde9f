"""Everything that is checked, one after the other."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Final, NamedTuple

from beats.config.checks.validation import Inspected
from beats.config.errors import Problem, SettingsError
from beats.doctor import clocks, disks, machine, ports, servers, software
from beats.doctor.findings import Check, Finding, run
from beats.kit.event_loop import Wanted
from beats.runtime.conflicts import Found, Part, check, connections, valid_parts

_SUBJECT: Final = "settings"


class Profile(NamedTuple):
    """What is known about a profile, valid or not."""

    findings: list[Finding]
    parts: list[Part]
    """The enabled sinks and sources with valid settings."""
    needed: frozenset[str]
    """The names of packages and extras that it needs."""
    event_loop: Wanted = "auto"
    """The event loop that it wants."""


def examined(found: Inspected) -> Profile:
    """All findings about the settings."""
    parts = valid_parts(found)
    event_loop = "auto" if found.kernel is None else found.kernel.event_loop
    return Profile(list(_findings(found, check(found))), parts, frozenset(_needed(parts)), event_loop)


def unreadable(error: SettingsError) -> Profile:
    """What is known of a profile that does not exist, or of a file that is not a profile."""
    wrong = [_fault(problem) for problem in error.problems]
    return Profile([*wrong, *map(_warning, error.warnings)], [], frozenset())


def _findings(found: Inspected, conflicts: Found) -> Iterator[Finding]:
    problems = [*found.problems, *conflicts.problems]
    if not problems:
        sources, sinks = (", ".join(names) or "none" for names in (found.sources, found.sinks))
        right = f"profile {found.profile} is valid: sources {sources}; sinks {sinks}"
        yield Finding(_SUBJECT, "ok", right)
    yield from map(_fault, problems)
    yield from map(_warning, (*found.warnings, *conflicts.warnings))


def _fault(problem: Problem) -> Finding:
    """A problem is said with what would be right."""
    place = problem._replace(message="", nearest=None)
    advice = problem._replace(where="", key="", value=None)
    return Finding(_SUBJECT, "fault", str(place), str(advice), is_setting=True)


def _warning(text: str) -> Finding:
    return Finding(_SUBJECT, "warning", text)


def _needed(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        yield from (package.install for package in part.resources.packages)


def examine(inspected: Inspected | SettingsError) -> list[Finding]:
    """Check this installation, this machine and a profile.

    Args:
        inspected: the profile, or why it cannot be read.
    """
    before_s = clocks.offset_s()
    known = _known(inspected)
    pids = machine.running()
    checks = [
        Check("Python", software.python),
        Check("packages", software.packages),
        Check("extras", partial(software.extras, known.needed)),
        Check("event loop", partial(software.event_loop, known.event_loop)),
        Check("processors", machine.processors),
        Check("timers", machine.timers),
        Check("runtime folder", partial(machine.folder_for_sockets, pids)),
        Check("settings", lambda: known.findings),
        *_of_parts(known, pids),
        Check("open files", partial(machine.open_files, connections(known.parts))),
        Check("clock", partial(clocks.clock, before_s)),  # last, so that it had time to jump
    ]
    return list(run(checks))


def _known(inspected: Inspected | SettingsError) -> Profile:
    if isinstance(inspected, SettingsError):
        return unreadable(inspected)
    return examined(inspected)


def _of_parts(known: Profile, pids: Collection[int]) -> Iterator[Check]:
    for part in known.parts:
        for port in part.resources.ports:
            yield Check(f"port {port.port}", partial(ports.port, part, port, pids))
        for server in part.resources.servers:
            yield Check(f"server {server.host}", partial(servers.server, part, server))
        for output in part.resources.outputs:
            yield Check("disk", partial(disks.disk, part, output))
