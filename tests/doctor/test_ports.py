"""Checks of ports, and who listens there."""

import errno
import os
import socket
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from beats.doctor import ports
from beats.doctor.findings import Finding
from beats.doctor.ports import Attempt, Listener, listeners
from beats.kernel.resources import Port
from tests.doctor.support import always, part
from tests.support.nats import free_port

LOCAL = "127.0.0.1"
IN_USE = OSError(errno.EADDRINUSE, "Address already in use")
ABSENT = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")


@pytest.fixture
def taken() -> Generator[int]:
    """A port on which this very process listens."""
    with socket.create_server((LOCAL, 0)) as server:
        yield server.getsockname()[1]


def looked(running: tuple[int, ...] = (), **settings: Any) -> list[Finding]:
    """What there is to say of the port of a WebSocket sink."""
    it = part("websocket", **{"host": LOCAL, **settings})
    [resource] = it.resources.ports
    return list(ports.port(it, resource, running))


def test_a_free_port_can_be_had_and_is_given_back() -> None:
    """Repeatedly, as the check does not listen; port 0 needs no check."""
    port = free_port()
    for _ in range(2):
        assert looked(port=port) == [Finding(f"port {port}", "ok", f"free for sinks.it on {LOCAL}")]
    with socket.create_server((LOCAL, port)):
        pass
    assert looked(port=0) == [Finding("port 0", "ok", "sinks.it uses a free one")]


def test_a_port_that_is_taken_says_by_whom(taken: int) -> None:
    """And what to do; it is a warning if the sink is not required."""
    assert [finding.level for finding in looked(port=taken)] == ["fault"]
    assert [finding.level for finding in looked(port=taken, required=False)] == ["warning"]
    [found] = looked(port=taken)
    assert (found.subject, found.level) == (f"port {taken}", "fault")
    assert found.found.startswith(f"sinks.it is set to listen on {LOCAL}, where process {os.getpid()} (")
    assert found.advice == "stop it, or choose another port, 0 for any free one"


@pytest.mark.parametrize("pid", [os.getpid(), os.getppid()], ids=["this one", "its parent"])
def test_a_port_that_beats_has_is_no_fault(taken: int, pid: int) -> None:
    """Beats is on air, perhaps with worker processes."""
    [found] = looked((pid,), port=taken)
    assert found.level == "warning"
    assert found.found.endswith(f"where Beats listens already, process {pid}")


def test_a_shared_port_can_be_had_beside_another() -> None:
    """Which shares it too."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((LOCAL, 0))
        other.listen()
        port = other.getsockname()[1]
        assert looked(port=port, reuse_port=True)[0].level == "ok"
        assert looked(port=port)[0].level == "fault"


def test_a_udp_port_is_taken_by_udp_alone(taken: int) -> None:
    """Whoever has it is named, as for TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOCAL, 0))
        resource = Port("port", LOCAL, other.getsockname()[1], protocol="udp")
        [found, *_] = ports.port(part("websocket"), resource, ())
        assert (found.subject, found.level) == (f"port {resource.port}/udp", "fault")
        assert found.found.startswith(f"sinks.it is set to listen on {LOCAL}, where process {os.getpid()} (")
    [found, *_] = ports.port(part("websocket"), resource._replace(port=taken), ())
    assert found.level == "ok"


def test_an_address_of_another_machine_is_a_fault() -> None:
    """RFC 5737 reserves this address for documentation."""
    [found, *_] = looked(host="192.0.2.1", port=free_port())
    assert found.level == "fault"
    assert "'192.0.2.1', which is not an address of this machine" in found.found


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 70, "nul\0", ".."])
def test_a_host_without_an_address_is_a_fault(host: str) -> None:
    """The first name never exists (RFC 6761, section 6.4), and the others are invalid."""
    [found] = looked(host=host, port=8765)
    assert (found.level, found.found) == ("fault", f"sinks.it: host {host!r} has no address")


def test_a_name_server_that_does_not_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name counts as unknown."""
    answer = threading.Event()
    asking: list[threading.Thread] = []

    def silent(*arguments: object, **options: object) -> list[Any]:
        asking.append(threading.current_thread())
        answer.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    monkeypatch.setattr(ports, "_RESOLVE_S", 0.1)
    assert ports.resolve("wall") == []
    answer.set()
    for thread in asking:
        assert thread.daemon
        thread.join(20)


def verdict(*attempts: Attempt) -> Finding:
    return ports.verdict(part("websocket"), Port("port", "localhost", 8765), list(attempts), ())


def test_an_address_family_that_is_missing_is_passed_over() -> None:
    """The server listens on the other family; it would not start if one address is taken."""
    found = verdict(Attempt(LOCAL, None), Attempt("::1", ABSENT))
    assert found.level == "ok"
    assert found.found == "free for sinks.it on 127.0.0.1; ::1 is skipped, as this machine does not have it"
    assert verdict(Attempt(LOCAL, None), Attempt("::1", IN_USE)).level == "fault"
    assert verdict(Attempt("::1", ABSENT), Attempt(LOCAL, IN_USE)).level == "fault"


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.EACCES, "choose a port from 1024"), (errno.ENOBUFS, "choose another host or port")],
)
def test_whatever_else_is_in_the_way_is_told(number: int, advice: str) -> None:
    """With the message of the system."""
    found = verdict(Attempt(LOCAL, OSError(number, os.strerror(number))))
    assert found.level == "fault"
    assert found.found == f"sinks.it cannot listen on 127.0.0.1: {os.strerror(number)}"
    assert (found.advice or "").startswith(advice)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ([], "another process"),
        ([Listener(None, "a process of root")], "a process of root"),
        ([Listener(7, "nginx -g"), Listener(8, "")], "process 7 (nginx -g), process 8"),
    ],
)
def test_who_is_in_the_way_is_said_as_far_as_it_is_known(
    there: list[Listener], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Little is known of other users' processes."""
    monkeypatch.setattr(ports, "listeners", always(there))
    expected = f"sinks.it is set to listen on 127.0.0.1, where {said} listens"
    assert verdict(Attempt(LOCAL, IN_USE)).found == expected


@pytest.mark.parametrize(
    ("settings", "addresses", "count"),
    [
        ({}, [LOCAL, "::1"], 0),
        ({}, ["192.0.2.1"], 1),
        ({}, [LOCAL, "2001:db8::1"], 1),
        ({}, ["fe80::1%eth0"], 1),
        ({}, ["0.0.0.0"], 0),
        ({"token": "secret"}, ["192.0.2.1"], 0),
        ({"token_file": Path("token")}, ["192.0.2.1"], 0),
    ],
)
def test_who_can_be_reached_by_others_needs_a_token(
    settings: dict[str, Any], addresses: list[str], count: int
) -> None:
    """For wildcard addresses the settings warn already; a sink without tokens may serve something else."""
    assert len(list(ports.exposed(part("websocket", **settings), addresses))) == count
    assert list(ports.exposed(part("null"), addresses)) == []


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def test_a_process_of_ours_is_named() -> None:
    """With its command line; connections from or to the port do not count."""
    with socket.create_server((LOCAL, 0)) as server:
        port = server.getsockname()[1]
        [found] = listeners(port)
        assert (found.pid, found.parent) == (os.getpid(), os.getppid())
        assert "py" in found.name
        connection = socket.create_connection((LOCAL, port))
    with connection:
        assert listeners(port) == []


def test_one_on_both_families_is_named_once() -> None:
    """Since it is one process."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
        try:
            other = socket.create_server(("::1", port), family=socket.AF_INET6)
        except OSError:
            pytest.skip("this machine has no IPv6")
        with other:
            assert [each.pid for each in listeners(port)] == [os.getpid()]


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A system on which port 8765 is taken."""
    (tmp_path / "net").mkdir()
    listening = "0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
    (tmp_path / "net" / "tcp").write_text(f"{HEAD}   0: {listening} 424242  0 77 1 0\n")
    return tmp_path


def test_of_another_users_process_the_user_is_named(proc: Path) -> None:
    """Its command line cannot be read; without /proc there is no name; an ended one has its number."""
    assert listeners(8765, proc) == [Listener(None, "a process of user 424242")]
    assert listeners(8766, proc) == listeners(8765, proc / "net") == []
    (proc / "12" / "fd").mkdir(parents=True)
    (proc / "12" / "fd" / "3").symlink_to("socket:[77]")
    assert listeners(8765, proc) == [Listener(12, "", None)]


def test_a_name_that_would_do_something_to_a_terminal_is_harmless(proc: Path) -> None:
    """And a long name is cut."""
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
