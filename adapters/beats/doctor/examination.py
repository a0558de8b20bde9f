"""All that is looked at, one after the other."""

from collections.abc import Collection, Iterator
from functools import partial

from beats.config.checks.validation import Inspected
from beats.config.errors import SettingsError
from beats.doctor import clocks, disks, machine, ports, profile, runtime, software
from beats.doctor.findings import Check, Finding, run
from beats.doctor.profile import Profile
from beats.runtime.conflicts import connections


def examine(inspected: Inspected | SettingsError) -> list[Finding]:
    """What there is to say of this installation, this machine and a profile.

    Args:
        inspected: the profile, or why it cannot be read.
    """
    before_s = clocks.offset_s()
    known = _known(inspected)
    pids = runtime.running()
    checks = [
        Check("Python", software.python),
        Check("packages", software.packages),
        Check("extras", partial(software.extras, known.needed)),
        Check("processors", machine.processors),
        Check("timers", machine.timers),
        Check("runtime folder", partial(runtime.folder_for_sockets, pids)),
        Check("settings", lambda: known.findings),
        *_of_parts(known, pids),
        Check("open files", partial(machine.open_files, connections(known.parts))),
        Check("clock", partial(clocks.clock, before_s)),  # last: by now it had time to jump
    ]
    return list(run(checks))


def _known(inspected: Inspected | SettingsError) -> Profile:
    if isinstance(inspected, SettingsError):
        return profile.unreadable(inspected)
    return profile.examined(inspected)


def _of_parts(known: Profile, pids: Collection[int]) -> Iterator[Check]:
    for part in known.parts:
        for port in part.resources.ports:
            yield Check(f"port {port.port}", partial(ports.port, part, port, pids))
        for output in part.resources.outputs:
            yield Check("disk", partial(disks.disk, part, output))
