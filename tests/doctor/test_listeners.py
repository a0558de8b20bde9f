"""Who listens on a port."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from beats.doctor.listeners import Listener, listeners

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
LISTEN = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
input()
"""
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_a_process_of_ours_is_named() -> None:
    """With what it was started by."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        [found] = listeners(server.getsockname()[1])
    assert (found.pid, found.parent) == (os.getpid(), os.getppid())
    assert "py" in found.name


def test_one_on_both_families_is_named_once() -> None:
    """It is one process."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        try:
            other = socket.create_server(("::1", port), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6")
        with other:
            assert [each.pid for each in listeners(port)] == [os.getpid()]


def test_who_is_connected_does_not_listen() -> None:
    """Neither from that port nor to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connection = socket.create_connection(("127.0.0.1", port))
    with connection:
        assert listeners(port) == []


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A system on which port 8765 is taken."""
    (tmp_path / "net").mkdir()
    listening = "0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
    (tmp_path / "net" / "tcp").write_text(f"{HEAD}   0: {listening} 424242  0 77 1 0\n")
    return tmp_path


def test_of_another_users_process_the_user_is_named(proc: Path) -> None:
    """What it is cannot be seen."""
    assert listeners(8765, proc) == [Listener(None, "a process of user 424242")]
    assert listeners(8766, proc) == []


def test_a_name_that_would_do_something_to_a_terminal_is_harmless(proc: Path) -> None:
    """And a long one is cut."""
    folder = proc / "12"
    (folder / "fd").mkdir(parents=True)
    (folder / "fd" / "3").symlink_to("socket:[77]")
    (folder / "cmdline").write_bytes(b"\x1b[2Jevil\0\xff" + b"x" * 100)
    (folder / "stat").write_text("12 (a) b (c) S 7 12 12 0")
    [found] = listeners(8765, proc)
    assert (found.pid, found.parent) == (12, 7)
    assert found.name.startswith("?[2Jevil ?xxx")
    assert found.name.isprintable()
    assert len(found.name) == 60


def test_a_process_that_ends_meanwhile_is_still_one(proc: Path) -> None:
    """Nothing more is known of it."""
    (proc / "12" / "fd").mkdir(parents=True)
    (proc / "12" / "fd" / "3").symlink_to("socket:[77]")
    assert listeners(8765, proc) == [Listener(12, "", None)]


def test_a_system_that_tells_nothing_is_believed(tmp_path: Path) -> None:
    """As one without /proc."""
    assert listeners(8765, tmp_path) == []


def test_a_child_has_a_parent() -> None:
    """By which the processes of one run are known."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        [found] = listeners(int(process.stdout.readline()))
        assert (found.pid, found.parent) == (process.pid, os.getpid())
        process.communicate("")
