"""A real nats-server, started and ended."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from beats.kernel.errors import StartError
from beats.workers import broker as module
from beats.workers.broker import broker, configuration, find_program

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(find_program() is None, reason="nats-server is not installed"),
]


def greeting(port: int) -> str:
    """What the server says first: INFO and a JSON object."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        return connection.recv(4096).decode()


def pid_of(url: str) -> int:
    """The process that listens there, by the settings that its command line names."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if any(word.endswith(b"server.conf") for word in words):
                token = url.partition("@")[0].rpartition("/")[2]
                if token in Path(words[words.index(b"--config") + 1].decode()).read_text():
                    return int(folder.name)
    raise AssertionError("no such process")


async def test_a_server_listens_on_loopback_alone_and_wants_its_token() -> None:
    """It cannot be reached over the network, or without the token."""
    with anyio.fail_after(30):
        async with broker() as url:
            assert url.startswith("nats://")
            port = int(url.rpartition(":")[2])
            said = await to_thread.run_sync(greeting, port)
            assert '"auth_required":true' in said
            assert '"jetstream":true' in said
            assert '"host":"127.0.0.1"' in said
            pid = pid_of(url)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_server_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setattr(module, "PROGRAM", "no-such-program")
    with pytest.raises(StartError, match="apt install nats-server"):
        async with broker():
            pass


async def test_a_server_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last line of its log."""

    def wrong(port: int, folder: Path, token: str) -> str:
        return "no such setting }"

    monkeypatch.setattr(module, "configuration", wrong)
    with anyio.fail_after(30), pytest.raises(StartError, match=r"does not start: .*Parse error"):
        async with broker():
            pass


def test_the_program_is_found_where_packages_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's is in a folder that only root has on the path."""
    assert find_program() is not None
    monkeypatch.setenv("PATH", "/nonexistent")
    assert find_program() is not None


def test_a_frozen_worker_does_not_stall_the_stream(tmp_path: Path) -> None:
    """The rule for nats-server 2.9, of which `configuration` says why."""
    settings = dict(
        line.split(": ", 1) for line in configuration(1, tmp_path, "t").splitlines() if ": " in line
    )
    bytes_per_s, deadline_s = 150e6, float(settings["write_deadline"].strip('"s'))
    assert 0.75 * int(settings["max_pending"]) > bytes_per_s * deadline_s
    assert int(settings["max_payload"]) < int(settings["max_pending"])
