"""Every command of the command line, run to its end with standard outputs of some kinds."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.recordings.support import lines, record
from tests.support import PORT_0, TIMEOUT_S, Program, clean_environment

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
    ("docs",),
    ("docs", "queues"),
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
EACH_WAY: Final = (
    ("--help",),
    ("--version",),
    ("info", "show.mcap", "--json"),
    ("profiles",),
    ("config", "get", "sinks.browser.port"),
    ("config", "schema"),
    ("cut", "show.mcap", "cut.mcap"),
)
"""A command for each way in which something is printed: a help, a line, a document, a table, a value."""
STREAMING: Final = (
    ("run", *NO_BROWSER, "--duration", "0.1"),
    ("record", *NO_BROWSER, "--duration", "0.1", "--out", "new.mcap"),
    ("replay", "show.mcap", *NO_BROWSER, "--speed", "max"),
)
"""What goes on whatever becomes of its output."""

# One process for all: what the commands need is loaded once. Each runs in a fork, in a folder of its kind.
_CODE: Final = """
import importlib, json, os, sys
import rich.markdown, rich.table, typer.rich_utils
from beats.cli import Commands, main
from beats.runtime.registry import SINKS, SOURCES

for place in (*Commands.places.values(), "beats.cli.runner"):
    importlib.import_module(place.partition(":")[0])
for kinds in (SINKS, SOURCES):
    for name in kinds.names():
        kinds.find(name)

results = []
for number, (kind, arguments) in enumerate(json.loads(sys.argv[1])):
    os.chdir(kind)
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
    os.chdir("..")
os.write(1, json.dumps(results).encode())
"""


class Result(NamedTuple):
    """How a command ended."""

    command: tuple[str, ...]
    code: int
    out: str
    """In a file only."""
    err: str


def run_all(
    commands: Mapping[Kind, Sequence[tuple[str, ...]]], cwd: Path, **variables: str
) -> dict[Kind, list[Result]]:
    """Run commands one after the other, those of a kind in its folder, where `show.mcap` is a recording."""
    every = [(kind, command) for kind in commands for command in commands[kind]]
    for kind in commands:
        record(cwd / kind / "show.mcap", lines(20))
    environment = clean_environment(XDG_RUNTIME_DIR=str(cwd), **variables)
    with Program([sys.executable, "-c", _CODE, json.dumps(every)], cwd, environment) as program:
        program.process.wait(len(every) * TIMEOUT_S)
        assert program.end() == 0, program.err.text()
        found = iter(json.loads(program.out.text()))
    return {kind: [Result(command, *next(found)) for command in commands[kind]] for kind in commands}
