"""What a service manager is told: by a real run, on a real socket."""

import os
import signal
import socket
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Final

import anyio
import pytest

from beats.cli.runner import Show, perform
from beats.cli.service_manager import ServiceManager
from beats.kernel.run.kernel import Kernel
from beats.runtime.reader import Reader
from tests.support import PORT_0, TIMEOUT_S, beats, quiet

PING_S: Final = 0.1
WATCHDOG: Final = {"WATCHDOG_USEC": str(int(2e6 * PING_S))}


class Manager:
    """The other side of the protocol."""

    def __init__(self, address: str) -> None:
        self.address: Final = address
        self._socket: Final = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0") if address[0] == "@" else address)

    def next(self, timeout_s: float = TIMEOUT_S) -> Mapping[str, str]:
        """The next message.

        Raises:
            TimeoutError, BlockingIOError: none came.
        """
        self._socket.settimeout(timeout_s)
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def until(self, name: str) -> Mapping[str, str]:
        """The next message with this name; others, between which pings come, are left out."""
        end_s = time.monotonic() + TIMEOUT_S
        while name not in (message := self.next()):
            assert time.monotonic() < end_s, f"no {name}"
            assert set(message) <= {"WATCHDOG", "STATUS"}, f"no {name}, but {message}"
        return message

    def drain(self) -> None:
        """Forget what has come until now."""
        try:
            while True:
                self.next(0)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Leave; nothing listens there any more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Generator[Manager]:
    """On a path."""
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other run is seen, and variables that a run takes out come back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.setenv(name, "")


def test_a_run_tells_of_its_start_its_life_each_reload_and_its_end(tmp_path: Path, manager: Manager) -> None:
    """READY once the port answers; RELOADING, then READY, for invalid settings too; at last STOPPING."""
    profile = tmp_path / "mine.toml"
    profile.write_text("")
    command = ("run", "--profile", "mine", "--config", str(tmp_path), *PORT_0)
    variables = {"NOTIFY_SOCKET": manager.address, **WATCHDOG}
    with beats(*command, cwd=tmp_path, stdin=None, **variables) as program:
        ready = manager.next()
        assert ready["READY"] == "1"
        assert ready["STATUS"] == f"on air: {program.url}"
        assert program.fetch("/livez").status == 200
        assert manager.next()["WATCHDOG"] == "1"
        assert "fps" in manager.next()["STATUS"]
        for settings, answer in (("[sinks.void]\ntype = 'null'", "added"), ("[sinks", "invalid settings")):
            profile.write_text(settings)
            before_us = time.monotonic_ns() // 1000
            program.signal(signal.SIGHUP)
            reloading = manager.until("RELOADING")
            assert before_us <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
            assert manager.until("READY") == {"READY": "1"}
            program.err.wait_for(answer)
        program.signal(signal.SIGTERM)
        assert "STOPPING" in manager.until("STOPPING")
        assert program.end() == 0


def test_a_blocked_event_loop_sends_no_more_to_the_watchdog(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on when it turns again: what is sent comes from the loop, and not from a thread beside it."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", WATCHDOG["WATCHDOG_USEC"])

    async def beside(kernel: Kernel) -> None:
        await anyio.to_thread.run_sync(manager.until, "READY")
        await anyio.to_thread.run_sync(manager.until, "WATCHDOG")
        manager.drain()
        time.sleep(4 * PING_S)  # noqa: ASYNC251 - this is the fault
        with pytest.raises(BlockingIOError):
            manager.next(0)
        await anyio.to_thread.run_sync(manager.until, "WATCHDOG")
        kernel.stop()

    reader = Reader(None, None, None, overrides=quiet(browser={"enabled": False}, void={"type": "null"}))
    perform(reader, None, Show(beside=beside))


def test_a_name_in_the_abstract_namespace_is_reached() -> None:
    """`@` stands for the zero byte, as in unix(7)."""
    manager = Manager(f"@beats-test-{os.getpid()}")
    ServiceManager({"NOTIFY_SOCKET": manager.address}).ready("here\nand there")
    assert manager.next() == {"READY": "1", "STATUS": "here and there"}
    manager.close()


def test_the_variables_are_not_for_programs_that_a_run_starts(manager: Manager) -> None:
    """They are taken out; otherwise, a program of a source could speak for the service."""
    environment = {"NOTIFY_SOCKET": manager.address, **WATCHDOG, "WATCHDOG_PID": "1", "HOME": "/"}
    ServiceManager(environment)
    assert environment == {"HOME": "/"}


def test_the_watchdog_of_another_process_is_not_ours(manager: Manager) -> None:
    """WATCHDOG_PID names the process that is watched: sd_watchdog_enabled(3)."""
    given = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "2000"}

    async def told(pid: int) -> None:
        with anyio.move_on_after(0.02):
            await ServiceManager({**given, "WATCHDOG_PID": str(pid)}).keep_told(lambda: "well")

    anyio.run(told, os.getpid() + 1)
    with pytest.raises(BlockingIOError):
        manager.next(0)
    anyio.run(told, os.getpid())
    assert manager.next(0) == {"WATCHDOG": "1", "STATUS": "well"}


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"NOTIFY_SOCKET": "vsock:2:1"}, "NOTIFY_SOCKET is 'vsock:2:1', not an absolute path or @NAME"),
        ({"NOTIFY_SOCKET": "/nowhere/notify"}, "was not told READY=1: No such file or directory"),
        ({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "-1"}, "WATCHDOG_USEC is '-1', not a number"),
    ],
)
def test_what_cannot_be_told_is_a_warning(
    variables: dict[str, str], complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and the run goes on."""
    service = ServiceManager(variables)
    service.ready("here")
    service.ready("again")
    assert sum(complaint in record.getMessage() for record in caplog.records) == 1


def test_without_a_service_manager_nothing_is_sent() -> None:
    """An empty environment: nothing fails, and nothing waits for a time to send something."""
    service = ServiceManager({})
    service.ready("here")
    with service.reloading():
        anyio.run(service.stopping, 1.0)
    anyio.run(service.keep_told, lambda: pytest.fail("nobody asked"))
