"""Dockerfile and compose.yaml, as far as they go without Docker, which these tests do not have.

The services of compose.yaml run as processes of this machine, with their own commands and variables, and the
wheel is made of what `.dockerignore` leaves. No image is built or pulled, and nothing is confined: what is
not seen here is whether the base images, `useradd` and `install` do what the Dockerfile expects of them, and
whether a read-only root disturbs nats-server or Prometheus.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest

from beats.adapters.sinks.recorder.settings import RecorderSettings
from tests.support import TIMEOUT_S, Program, called, clean_environment
from tests.support.nats import READY, free_port, installed
from tests.support.operation import IMAGE, ROOT, SERVICES, instructions, service

BEATS_SERVICES: Final = [name for name, each in SERVICES.items() if each["image"] == "beats"]


def tracked() -> list[str]:
    """The files of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def in_context(name: str) -> bool:
    """Whether a file is sent to the builder: of the lines that match it, the last one decides."""
    is_in = True
    paths = [Path(name), *Path(name).parents][:-1]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        texts = [str(path) if anywhere == pattern else path.name for path in paths]
        if line and any(fnmatch(text, anywhere) for text in texts):
            is_in = line.startswith("!")
    return is_in


def test_the_wheel_can_be_made_of_what_the_builder_gets(tmp_path: Path) -> None:
    """Nothing of the product is missing, and nothing that is not of it is sent."""
    context, built = tmp_path / "context", tmp_path / "built"
    for name in filter(in_context, tracked()):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    assert not (context / "tests").exists()
    assert (context / "constraints.txt").exists()
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(built)]
    subprocess.run(command, cwd=context, check=True, capture_output=True)
    [wheel] = built.iterdir()
    product = re.compile(r"(?:adapters|config|kernel|proto)/(beats/.+)")
    wanted = {found[1] for name in tracked() if (found := product.fullmatch(name))}
    with zipfile.ZipFile(wheel) as archive:
        assert wanted | {"beats/docs/queues.md"} <= set(archive.namelist())


def test_the_image_is_small_not_of_root_and_its_places_fit_each_other() -> None:
    """Two stages; a user; the port, the folder of recordings and the extras are those of the product."""
    given = instructions()
    bases = [value for word, value in given if word == "FROM"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">= ")
    assert bases == [f"python:{python}-slim AS build", f"python:{python}-slim"]
    last = given[max(index for index, (word, _) in enumerate(given) if word == "FROM") :]
    of = dict(last)
    assert of["USER"] not in ("root", "0")
    assert [word for word, _ in last].index("USER") > max(
        index for index, (word, _) in enumerate(last) if word == "RUN"
    )
    assert of["EXPOSE"] == IMAGE["BEATS_WEBSOCKET_PORT"]
    assert Path(of["VOLUME"]) == Path(of["WORKDIR"]) / Path(RecorderSettings(type="recorder").path).parts[0]
    assert json.loads(of["ENTRYPOINT"]) + json.loads(of["CMD"]) == ["beats", "run"]
    extras = dict(given)["ARG"].removeprefix("EXTRAS=").split(",")
    assert {"nats"} <= set(extras) <= project["optional-dependencies"].keys()


def test_compose_is_what_docker_compose_reads() -> None:
    """By its own schema; it is installed without Docker itself."""
    program = shutil.which("docker-compose") or pytest.skip("docker-compose is not installed")
    done = subprocess.run([program, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined_and_reached_from_this_machine_only(name: str) -> None:
    """And what it is given of the repository is there, and cannot be changed."""
    of = SERVICES[name]
    assert of["read_only"]
    assert of["cap_drop"] == ["ALL"]
    assert of["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in of.get("ports", ()))
    assert of["image"] == "beats" or re.search(r":v?\d+\.\d+\.\d+", of["image"])  # the same one tomorrow
    assert "/" not in of["image"].partition("/")[0]
    assert (
        "." not in of["image"].partition(":")[0].partition("/")[0]
    )  # the name of another registry would have one
    for volume in of.get("volumes", ()):
        source, _, rest = volume.partition(":")
        assert (
            (ROOT / source).exists() and rest.endswith(":ro")
            if "/" in source
            else source
            in (
                "recordings",
                "metrics",
            )
        )
    if name in BEATS_SERVICES:
        assert dict(instructions())["EXPOSE"] == of["ports"][0].rpartition(":")[2]
    else:
        assert of["healthcheck"]["test"][:2] == ["CMD", "wget"]


@pytest.mark.parametrize("name", BEATS_SERVICES)
def test_the_settings_of_a_service_are_valid(name: str, tmp_path: Path) -> None:
    """Its profile exists, and no variable is unknown. Anyone could watch: the ports are local."""
    command, variables = service(name, BEATS_CONFIG_DIR=str(tmp_path))
    profile = command[command.index("--profile") + 1]
    code, out, err = called("config", "check", "--profile", profile, cwd=tmp_path, **variables)
    assert code == 0, err
    assert out.startswith(f"profile {profile} is valid")
    [warning] = err.splitlines()
    assert "anyone who can reach this machine can watch" in warning


def test_the_server_between_them_listens_and_says_that_it_is_well(tmp_path: Path) -> None:
    """With the command of its service: on all addresses, in spite of its file, which says one."""
    of = SERVICES["nats-server"]
    installed()
    command = of["command"].replace("/etc/nats/", f"{ROOT}/config/beats/config/")
    health = free_port()
    command = command.replace("--http_port 8222", f"--http_port {health}") + " --port -1"
    with Program(shlex.split(command), tmp_path, clean_environment()) as server:
        assert server.err.wait_for(READY)[0].startswith("Listening for client connections on 0.0.0.0:")
        checked = of["healthcheck"]["test"][-1].replace(":8222", f":{health}")
        assert checked != of["healthcheck"]["test"][-1]
        answer = subprocess.run(["curl", "--silent", "--fail", checked], capture_output=True, text=True)
        assert (answer.returncode, json.loads(answer.stdout)) == (0, {"status": "ok"})


def test_an_edge_is_healthy_by_its_name_and_by_the_check_of_the_image(tmp_path: Path) -> None:
    """Also while there is no NATS server. Prometheus asks for its name; without the variable it gets 421."""
    command, variables = service("edge-1", BEATS_CONFIG_DIR=str(tmp_path), BEATS_WEBSOCKET_PORT="0")
    with Program(command, tmp_path, clean_environment(**variables)) as edge:
        assert edge.url.startswith("ws://edge-1:")
        port = edge.port
        check: list[str] = json.loads(dict(instructions())["HEALTHCHECK"].partition("CMD ")[2])
        assert check[0] == "python"
        for at, expected in ((port, 0), (free_port(), 1)):
            given: Mapping[str, Any] = clean_environment(BEATS_WEBSOCKET_PORT=str(at))
            done = subprocess.run(
                [sys.executable, *check[1:]], env=given, capture_output=True, timeout=TIMEOUT_S
            )
            assert done.returncode == expected
        for host, expected in (("edge-1:8765", 200), ("edge-2:8765", 421)):
            asked = ["curl", "--silent", "--output", "-", "--write-out", "%{http_code}", "--header"]
            asked += [f"Host: {host}", f"http://127.0.0.1:{port}/metrics"]
            answer = subprocess.run(asked, capture_output=True, text=True, check=True)
            assert answer.stdout.endswith(str(expected))
        assert edge.interrupt() == 0
