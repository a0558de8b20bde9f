"""Finds sinks whose port another program has, and gives them a free one."""

import errno
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from beats.config.checks.validation import Inspected
from beats.config.errors import SettingsError, dotted
from beats.doctor.ports import bind, resolve
from beats.kernel.resources import Port
from beats.runtime.conflicts import Part, valid_parts
from beats.runtime.reader import Reader

_LAST: Final = 65535
_MOST_TRIED: Final = 100


class Taken(NamedTuple):
    """A port that another program has."""

    part: Part
    port: Port
    free: int
    """The next free port on the same host."""

    @property
    def key(self) -> str:
        """The setting, as `sinks.browser.port`."""
        return dotted([*self.part.key, self.port.key])


def moved(reader: Reader, agree: Callable[[Taken], bool]) -> Reader:
    """A reader in which sinks have free ports in place of taken ones.

    Args:
        reader: reads the settings; returned as it is if they are invalid.
        agree: whether to move a sink.
    """
    try:
        found = reader.inspect()
        found.settings()
    except SettingsError:
        return reader
    for taken in _taken(found):
        if agree(taken):
            # After all others: it may be one of them that names the taken port.
            reader = reader._replace(sets=[*(reader.sets or ()), f"{taken.key}={taken.free}"])
    return reader


def _taken(found: Inspected) -> Iterator[Taken]:
    parts = valid_parts(found)
    wanted = {port.port for part in parts for port in part.resources.ports}
    for part in parts:
        for port in part.resources.ports:
            if port.protocol == "tcp" and port.port and _is_taken(port):
                others = range(port.port + 1, min(port.port + _MOST_TRIED, _LAST + 1))
                free = (
                    each for each in others if each not in wanted and not _is_taken(port._replace(port=each))
                )
                if (first := next(free, None)) is not None:
                    wanted.add(first)
                    yield Taken(part, port, first)


def _is_taken(port: Port) -> bool:
    failures = (bind(family, address, port) for family, address in resolve(port.host))
    return any(failure is not None and failure.errno == errno.EADDRINUSE for failure in failures)
