"""OLA in a network namespace: it receives walls by Art-Net and by sACN, and is the desk of a source."""

import json
import shutil
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.support import BEATS, PORT_0, TIMEOUT_S, Program, clean_environment
from tests.support.hosts import MAKERS, Host, cable
from tests.support.lines import Line

Patch = Sequence[str]


def patched(device: int, port: int, universe: int, *kind: str) -> Patch:
    """A port of a device that gets a universe."""
    return ("--device", str(device), "--port", str(port), *kind, "--universe", str(universe))


__test__ = "namespaces" in MAKERS
"""Elsewhere there is no such test: OLA takes ports of the machine, and CI refuses skipped tests."""

NOBODY: Final = ("setpriv", "--reuid=65534", "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
"""olad does not run as root; this may still write into the folders of tests."""
OFF: Final = (
    *(
        "dummy",
        "espnet",
        "ftdidmx",
        "gpio",
        "karate",
        "kinet",
        "milinst",
        "opendmx",
        "openpixelcontrol",
        "osc",
    ),
    *("pathport", "renard", "sandnet", "shownet", "spi", "stageprofi", "uartdmx", "usbdmx", "usbserial"),
)
"""The plug-ins that are not needed: some look for hardware."""
ASK: Final = """
import json, sys, time, urllib.request
expected = json.loads(sys.argv[1])
end_s = time.monotonic() + 20
while True:
    found = {}
    for universe in expected:
        with urllib.request.urlopen(f"http://127.0.0.1:9090/get_dmx?u={universe}", timeout=9) as answer:
            found[universe] = json.load(answer)["dmx"][: len(expected[universe])]
    if found == expected or time.monotonic() > end_s:
        break
    time.sleep(0.05)
sys.exit(0 if found == expected else f"OLA has {found}")
"""
"""Asks OLA's own web API until it has the channels of all universes."""
ART, UNICAST, MULTICAST = 3, 11, 21
"""The first universes of each."""
INPUTS: Final = [
    patched(device, port + number, first + number, "--input")
    for device, port, first in ((1, 0, ART), (2, 0, UNICAST), (2, 2, MULTICAST))
    for number in range(2)
]
"""Two of each kind."""
WALL: Final = "size = [20, 10]\nfit = 'nearest'\n"


def done(host: Host, folder: Path, *command: str) -> Program:
    """Run a command on a host to its end."""
    with host.start(command, folder, clean_environment()) as program:
        assert program.end() == 0, program.err.text()
    return program


@contextmanager
def ola(host: Host, folder: Path, *patches: Patch, **settings: str) -> Generator[None]:
    """OLA with these ports; `settings` are the lines of the files of plug-ins."""
    config = folder / "ola"
    config.mkdir()
    for name, text in settings.items():
        (config / f"ola-{name}.conf").write_text(text)
    for name in OFF:
        (config / f"ola-{name}.conf").write_text("enabled = false\n")
    for path in (config, *config.iterdir()):
        shutil.chown(path, 65534)
    command = [*NOBODY, "olad", "--config-dir", str(config), "--no-register-with-dns-sd", "--log-level", "3"]
    with host.start(command, folder, clean_environment(HOME=str(config))) as daemon:
        daemon.err.wait_for(r"Started E1\.31")
        for patch in patches:
            done(host, folder, "ola_patch", *patch)
        yield
        daemon.interrupt()


@pytest.mark.skipif(shutil.which("olad") is None, reason="OLA is not installed (Debian: ola)")
def test_ola_gets_the_picture_and_then_black(tmp_path: Path) -> None:
    """From another host, and by multicast on its own; each universe has its part of the pixels."""
    image = Image.effect_noise((20, 10), 60).convert("RGB")
    image.save(tmp_path / "picture.png")
    wire = image.tobytes()
    with (
        MAKERS["namespaces"](console=Line(), stage=Line()) as hosts,
        ola(hosts["console"], tmp_path, *INPUTS),
    ):
        console = hosts["console"]
        sinks = {
            "stage": f"[sinks.art]\ntype = 'artnet'\nhost = '{console.address}'\nuniverse = {ART}\n{WALL}"
            f"[sinks.acn]\ntype = 'sacn'\nhost = '{console.address}'\nuniverse = {UNICAST}\n{WALL}",
            "console": f"[sinks.acn]\ntype = 'sacn'\ninterface = '{console.address}'\n"
            f"universe = {MULTICAST}\n{WALL}",
        }
        programs: list[Program] = []
        (tmp_path / "config").mkdir()
        for name, text in sinks.items():
            (tmp_path / "config" / f"{name}.toml").write_text(f"[sinks.browser]\nenabled = false\n{text}")
            command = [*BEATS, "run", "picture.png", "--profile", name]
            programs.append(hosts[name].start(command, tmp_path, clean_environment()))
        with programs[0], programs[1]:
            parts = dict.fromkeys((ART, UNICAST, MULTICAST), wire[:510])
            parts |= {first + 1: wire[510:] for first in (ART, UNICAST, MULTICAST)}
            lit = json.dumps({universe: list(data) for universe, data in parts.items()})
            done(console, tmp_path, sys.executable, "-c", ASK, lit)
            for program in programs:
                assert program.interrupt() == 0, program.err.text()
            dark = json.dumps({universe: [0] * len(data) for universe, data in parts.items()})
            done(console, tmp_path, sys.executable, "-c", ASK, dark)


@pytest.mark.skipif(shutil.which("olad") is None, reason="OLA is not installed (Debian: ola)")
def test_ola_finds_the_source_and_sends_to_it(tmp_path: Path) -> None:
    """It broadcasts ArtPoll, lists the node that answers, and sends the levels of its universe to it."""
    config = tmp_path / "config"
    config.mkdir()
    dimmer = f"[sources.desk.peripherals]\ndimmer = {{ universe = {ART}, channel = 2 }}\n"
    (config / "stage.toml").write_text(
        f"[sources.demo]\nenabled = false\n[sources.desk]\ntype = 'artnet'\n{dimmer}"
    )
    with ExitStack() as stack:
        hosts = stack.enter_context(MAKERS["namespaces"](stage=Line(), console=Line()))
        console, stage = hosts["console"], hosts["stage"]
        own, other = cable(console, stage)
        command = [*BEATS, "run", "--profile", "stage", *PORT_0]
        program = stack.enter_context(stage.start(command, tmp_path, clean_environment()))
        url = program.url
        stack.enter_context(ola(console, tmp_path, patched(1, 0, ART), artnet=f"ip = {own}\n"))
        end_s = time.monotonic() + TIMEOUT_S
        listed = ""
        while other not in listed and time.monotonic() < end_s:
            listed = done(console, tmp_path, "ola_artnet", "-d", "1", "--universe", str(ART)).out.text()
        assert listed.split() == [other]
        tap = [*BEATS, "tap", url, "--topics", "peripheral/dimmer", "--json"]
        viewer = stack.enter_context(stage.start(tap, tmp_path, clean_environment()))
        done(console, tmp_path, "ola_set_dmx", "-u", str(ART), "-d", "1,77,3")
        viewer.out.wait_for(r"\b77\b")
        assert program.interrupt() == 0, program.err.text()
