"""The command as a whole."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from beats import cli
from tests.support import called, clean_environment


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    """`beats --version` prints name and version, and nothing else."""
    assert called("--version", cwd=tmp_path) == (0, f"beats {version('beats')}\n", "")


def test_the_help_names_every_command(tmp_path: Path) -> None:
    """`beats --help` lists them."""
    code, out, err = called("--help", cwd=tmp_path)
    assert code == 0
    for command in ("run", "profiles", "adapters", "--version"):
        assert re.search(rf"\b{command.strip('-')}\b", out + err)


def test_an_unknown_command_is_wrong_usage(tmp_path: Path) -> None:
    """A command that does not exist ends with code 2 and is named."""
    code, out, err = called("rum", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "rum" in err


def test_an_interrupt_outside_a_run_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before or after the part that ends in order gives 130, as shells have it."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 130


IMPORTED = """
import json, sys
from beats.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
# What only some profiles, or only a run, need; and what takes long.
OPTIONAL = {"PIL", "mcap", "zstandard", "lz4", "websockets", "hypothesis", "google"}
# What extras, or programs that embed Beats, bring along.
FOREIGN = {"aiomqtt", "av", "cv2", "foxglove", "nats", "nkeys", "numpy", "paho", "sacn", "stupidArtnet"}
RUNNING = {"anyio", "asyncio", "blinker", "rich", "ssl"}


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (("config", "check"), OPTIONAL | RUNNING),
        (("config", "check", "--profile", "studio"), OPTIONAL | RUNNING),
        (("--version",), OPTIONAL | RUNNING | {"pydantic_core", "dynaconf"}),
        (("--help",), OPTIONAL - {"google"}),
        (("doctor", "--json", "--set", "sinks.browser.port=0"), {"rich"}),
    ],
    ids=["check", "studio", "version", "help", "doctor"],
)
def test_a_command_imports_what_it_needs_and_no_more(
    tmp_path: Path, arguments: tuple[str, ...], absent: set[str]
) -> None:
    """A check of the default profile loads no server, no pictures, no recordings and no event loop."""
    environment = clean_environment(PYTHONWARNINGS="default")
    command = [sys.executable, "-c", IMPORTED, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert set(json.loads(done.stderr.splitlines()[-1])) & absent == set()


EVERY_MODULE = """
import importlib, pkgutil
import beats
for module in pkgutil.walk_packages(beats.__path__, "beats."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
A_PROGRAM = """
from beats.app import Stream
with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    stream.publish_peripheral("knob", 1)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", EVERY_MODULE),
        ("-c", A_PROGRAM),
        ("-m", "beats", "run", "--duration", "0.1", "--set", "sinks.browser.port=0"),
    ],
    ids=["import", "program", "run"],
)
def test_no_library_of_an_extra_is_imported_before_it_is_used(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Not when every module of Beats is imported, and not by a run that has no use for it."""
    command = [sys.executable, "-X", "importtime", *arguments]  # it lists what is imported
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=True
    )
    names = re.findall(r"^import time:.*\| +(\w+)", done.stderr, re.MULTILINE)
    assert "beats" in names
    assert FOREIGN & set(names) == set()
