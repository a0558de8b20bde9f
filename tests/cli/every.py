"""Every command of the command line, run to its end with a standard output of some kind."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.support import PORT_0, Program, clean_environment

Kind = Literal["full", "closed", "gone", "file"]
"""A full disk; closed; a pipe whose reader has left; a file."""

NO_BROWSER: Final = ("--set", "sinks.browser.enabled=false")
READING: Final = (
    ("--help",),
    ("run", "--help"),
    ("--version",),
    ("--show-completion", "zsh"),
    ("info", "show.mcap"),
    ("info", "show.mcap", "--json"),
    ("profiles",),
    ("adapters",),
    ("config", "show"),
    ("config", "show", "--json"),
    ("config", "get", "sinks.browser.port"),
    ("config", "get", "sinks.browser"),
    ("config", "diff", "default", "studio"),
    ("config", "check"),
    ("config", "schema"),
    ("doctor", *PORT_0),
    ("doctor", "--json", *PORT_0),
)
"""What only prints."""
WRITING: Final = (
    ("config", "schema", "--out", "schema.json"),
    ("init", "--profile", "mine"),
    ("cut", "show.mcap", "cut.mcap"),
    ("recover", "show.mcap", "whole.mcap"),
    ("export", "show.mcap", "--events", "events.csv"),
)
"""What makes files, and says so."""
STREAMING: Final = (
    ("run", *NO_BROWSER, "--duration", "0.1"),
    ("record", *NO_BROWSER, "--duration", "0.1", "--out", "new.mcap"),
    ("replay", "show.mcap", *NO_BROWSER, "--speed", "max"),
)
"""What goes on whatever becomes of its output."""

# One process for all: what the commands need is loaded once, and each runs in a fork.
_CODE: Final = """
import json, os, sys
import beats.cli.common, beats.cli.commands.config, beats.cli.recordings, rich.console
from beats.cli import main

kind, commands = sys.argv[1], json.loads(sys.argv[2])
results = []
for number, arguments in enumerate(commands):
    files = f"out-{number}", f"err-{number}"
    pid = os.fork()
    if not pid:
        try:
            os.dup2(os.open(files[1], os.O_WRONLY | os.O_CREAT), 2)
            if kind == "full":
                os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
            elif kind == "closed":
                os.close(1)
                sys.stdout = sys.__stdout__ = None
            elif kind == "gone":
                reader, writer = os.pipe()
                os.close(reader)
                os.dup2(writer, 1)
            else:
                os.dup2(os.open(files[0], os.O_WRONLY | os.O_CREAT), 1)
            sys.argv = ["beats", *arguments]
            main()
        except SystemExit as error:
            os._exit(error.code or 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(99)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = []
    for file in files:
        with open(file, "ab+") as text:
            text.seek(0)
            said.append(text.read().decode(sys.stdout.encoding, "replace"))
    results.append([code, *said])
os.write(1, json.dumps(results).encode())
"""


class Result(NamedTuple):
    """How a command ended."""

    command: tuple[str, ...]
    code: int
    out: str
    """In a file only."""
    err: str


def run_all(kind: Kind, commands: Sequence[tuple[str, ...]], cwd: Path, **variables: str) -> list[Result]:
    """Run commands one after the other; `show.mcap` is a recording."""
    arguments = [sys.executable, "-c", _CODE, kind, json.dumps(commands)]
    environment = clean_environment(XDG_RUNTIME_DIR=str(cwd), **variables)
    with Program(arguments, cwd, environment) as program:
        assert program.end() == 0, program.err.text()
        found = json.loads(program.out.text())
    return [Result(command, *each) for command, each in zip(commands, found, strict=True)]
