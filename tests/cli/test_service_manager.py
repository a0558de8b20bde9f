"""What a service manager is told, on a real socket; test_service.py has a whole run."""

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

import anyio
import pytest

from beats.cli.runner import Show, perform
from beats.cli.service_manager import ServiceManager
from beats.kernel.run.kernel import Kernel
from beats.runtime.reader import Reader
from tests.support import quiet
from tests.support.service_manager import Manager

PING_S: Final = 0.1
WATCHDOG: Final = {"WATCHDOG_USEC": str(int(2e6 * PING_S))}


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


def test_a_manager_that_is_busy_hears_of_each_change_of_state_later(manager: Manager) -> None:
    """In order, and with nothing in between: a lost READY would leave a service reloading for good."""
    service = ServiceManager({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "2000"})
    sent = 0
    while not service.is_behind:
        service.ready("here")
        sent += 1
    with service.reloading():
        pass

    async def told() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(service.keep_told, lambda: "well")
            for _ in range(sent):
                assert "READY" in await anyio.to_thread.run_sync(manager.next)
            assert "RELOADING" in await anyio.to_thread.run_sync(manager.next)
            assert "READY" in await anyio.to_thread.run_sync(manager.next)
            assert "WATCHDOG" in await anyio.to_thread.run_sync(manager.next)
            group.cancel_scope.cancel()

    anyio.run(told)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"NOTIFY_SOCKET": "vsock:2:1"}, "NOTIFY_SOCKET is 'vsock:2:1', not an absolute path or @NAME"),
        ({"NOTIFY_SOCKET": "/nowhere/notify"}, "did not get READY=1: No such file or directory"),
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
