"""The unit for systemd, as far as it goes where systemd is not the first process.

`systemd-analyze` reads the unit, and its command lines run with its variables. Nothing is confined here: what
is not seen is whether the confinement, such as `SystemCallFilter`, disturbs Beats, and what systemd makes of
a watchdog that is late.
"""

import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from beats.cli.output import EXIT_SETTINGS, EXIT_USAGE
from tests.support import TIMEOUT_S, Program, clean_environment
from tests.support.operation import EXAMPLES
from tests.support.service_manager import Manager

UNIT: Final = EXAMPLES / "beats.service"
COMMAND: Final = Path(sys.executable).with_name("beats")
MOST_EXPOSED: Final = 15
"""Tenths of the level that `systemd-analyze security` gives: up to 2 is "OK", 10 is the worst."""


def analyze(*arguments: str) -> None:
    program = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def service() -> dict[str, str]:
    """The options of the unit; of one that is there twice, the last."""
    lines = UNIT.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    """With the command of this environment, as /opt/beats is not there; little of the machine is exposed."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/beats/bin/beats", str(COMMAND)))
    analyze("verify", "--man=no", str(copy))
    analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", str(copy))


def test_a_service_tells_how_it_goes(tmp_path: Path) -> None:
    """READY once the port answers; RELOADING, then READY, for invalid settings too; at last STOPPING."""
    unit = service()
    assert unit["Type"] == "notify"
    folders = {specifier: tmp_path / specifier[1] for specifier in ("%E", "%t", "%S")}
    for option, folder in zip(("Configuration", "Runtime", "State"), folders.values(), strict=True):
        (folder / unit[f"{option}Directory"]).mkdir(mode=0o700, parents=True)

    def told(option: str) -> list[str]:
        text = unit[option].replace("/opt/beats/bin/beats", f"{sys.executable} -m beats")
        for specifier, place in folders.items():
            text = text.replace(specifier, str(place))
        return shlex.split(text)

    address = str(tmp_path / "notify")
    environment = clean_environment(
        **dict(each.split("=", 1) for each in told("Environment")),
        BEATS_SOURCES__DEMO__ENABLED="false",
        BEATS_WEBSOCKET_PORT="0",
        NOTIFY_SOCKET=address,
        WATCHDOG_USEC="1000000",
    )
    [cwd] = told("WorkingDirectory")
    with closing(Manager(address)) as manager, Program(told("ExecStart"), Path(cwd), environment) as beats:
        ready = manager.next()
        assert ready == {"READY": "1", "STATUS": f"on air: {beats.url}"}
        assert beats.fetch("/livez").status == 200
        alive = manager.next()
        assert alive["WATCHDOG"] == "1"
        assert "fps" in alive["STATUS"]
        pid = str(beats.process.pid)
        command = [pid if word == "$MAINPID" else word for word in told("ExecReload")]
        studio = folders["%E"] / "beats" / "studio.toml"
        for settings, code in (("[sinks.void]\ntype = 'null'", 0), ("[sinks", 78)):
            studio.write_text(settings)
            before_us = time.monotonic_ns() // 1000
            done = subprocess.run(command, env=environment, capture_output=True, timeout=TIMEOUT_S)
            assert done.returncode == code, done.stderr
            reloading = manager.until("RELOADING")
            assert before_us <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert manager.until("READY") == {"READY": "1"}
        manager.drain()  # so that there is room
        beats.signal(signal.SIGTERM)
        manager.until("STOPPING")
        assert beats.end() == 0


def test_a_service_with_wrong_settings_is_not_started_again_and_again() -> None:
    """The unit says not to restart after the exit codes of wrong usage and of wrong settings."""
    assert service()["RestartPreventExitStatus"].split() == [str(EXIT_USAGE), str(EXIT_SETTINGS)]
