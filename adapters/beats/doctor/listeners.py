"""Who listens on a port, as far as Linux tells it without root's rights."""

import os
import pwd
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_LISTENING: Final = "0A"
"""TCP_LISTEN in the tables of proc_net_tcp(5)."""
_SHOWN_CHARACTERS: Final = 60


class Listener(NamedTuple):
    """Somebody who listens."""

    pid: int | None
    """None when the process is another user's."""
    name: str
    """What runs, or at least for whom."""
    parent: int | None = None
    """The process that started it."""


def listeners(port: int, proc: Path = Path("/proc")) -> list[Listener]:
    """All who listen on a TCP port; empty where the system does not tell."""
    tables = [proc / "net" / name for name in ("tcp", "tcp6")]
    users = {inode: user for table in tables for inode, user in _sockets(table, port)}
    found = dict(_processes(set(users), proc))
    known = [_listener(pid, proc / str(pid)) for pid in dict.fromkeys(found.values())]
    others = dict.fromkeys(user for inode, user in users.items() if inode not in found)
    return [*known, *(Listener(None, f"a process of {_name(user)}") for user in others)]


def _sockets(table: Path, port: int) -> Iterator[tuple[int, int]]:
    """Inode and user of each socket that listens there: proc_net_tcp(5)."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[9]), int(fields[7])


def _processes(inodes: set[int], proc: Path) -> Iterator[tuple[int, int]]:
    """The process that has each socket open, where we may look."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    for folder in proc.glob("[0-9]*") if wanted else ():
        with suppress(OSError):  # another user's, or it has ended
            for link in (folder / "fd").iterdir():
                with suppress(OSError):
                    if (target := os.readlink(link)) in wanted:  # noqa: PTH115 - it is no path
                        yield wanted[target], int(folder.name)


def _listener(pid: int, folder: Path) -> Listener:
    words: list[str] = []
    parent: int | None = None
    with suppress(OSError, ValueError, IndexError):  # it may end at any time
        words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # proc_pid_stat(5): the name in brackets may hold anything; the second field after it is the parent.
        parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return Listener(pid, _shown(words), parent)


def _shown(words: list[str]) -> str:
    text = re.sub(r"[^\x20-\x7e]", "?", " ".join(words).strip())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
