"""The hosts that tests of links use are what they say, of whichever kind."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support import Program, clean_environment
from tests.support.hosts import MAKERS, NAMED, Host, Maker
from tests.support.lines import Line

ECHO: Final = """
import socket, sys
with socket.create_server(("0.0.0.0", 0)) as server:
    print("port", server.getsockname()[1], flush=True)
    connection, address = server.accept()
    with connection:
        print("from", address[0], flush=True)
        while data := connection.recv(65536):
            connection.sendall(data)
    print("end", flush=True)
"""
"""Sends back what it is sent, on one connection."""

CALL: Final = """
import socket, sys, time
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as connection:
    for line in sys.stdin:
        sent_s = time.monotonic()
        connection.sendall(line.encode())
        assert connection.recv(100).decode() == line
        print("back", line.strip(), round((time.monotonic() - sent_s) * 1000), flush=True)
"""
"""Sends each line that it reads, and prints how many milliseconds later it was back."""


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> Maker:
    """A way of making hosts."""
    return MAKERS[request.param]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def talking(stack: ExitStack, here: Host, there: Host, folder: Path) -> tuple[Program, Program]:
    """A caller here and an echo there."""
    environment = clean_environment()
    echo = stack.enter_context(there.start([sys.executable, "-c", ECHO], folder, environment))
    host, port = here.way_to(there, int(echo.out.wait_for(r"^port (\d+)")[1]))
    command = [sys.executable, "-c", CALL, host, str(port)]
    caller = stack.enter_context(here.start(command, folder, environment, stdin=subprocess.PIPE))
    return caller, echo


def test_what_is_sent_comes_back_late_by_both_lines(stack: ExitStack, maker: Maker, tmp_path: Path) -> None:
    """There and back is twice the delay of each line."""
    made = stack.enter_context(maker(a=Line(delay_s=0.05), b=Line(delay_s=0.1)))
    caller, _ = talking(stack, made["a"], made["b"], tmp_path)
    caller.write("hello")
    assert int(caller.out.wait_for(r"back hello (\d+)")[1]) >= 299  # half milliseconds are rounded


def test_a_long_line_delays_nobody_else(stack: ExitStack, maker: Maker, tmp_path: Path) -> None:
    """While one packet is on its long way to a host, those from nearer by come and go."""
    made = stack.enter_context(maker(far=Line(), near=Line(), host=Line()))
    far, _ = talking(stack, made["far"], made["host"], tmp_path)
    near, _ = talking(stack, made["near"], made["host"], tmp_path)
    made["far"].line.delay_s = 3.0
    far.write("slow")
    for number in range(50):
        near.write(f"line {number}")
        near.out.wait_for(rf"back line {number} ")
    assert "slow" not in far.out.so_far()


def test_a_cut_is_silent_and_a_repair_lets_the_rest_through(
    stack: ExitStack, maker: Maker, tmp_path: Path
) -> None:
    """Both ends of the connection stay open, and what was sent meanwhile arrives afterwards."""
    made = stack.enter_context(maker(a=Line(), b=Line(), c=Line()))
    here = made["a"]
    caller, _ = talking(stack, here, made["b"], tmp_path)
    others, _ = talking(stack, made["c"], made["b"], tmp_path)
    for number, (cut, mend) in enumerate(
        [(here.line.cut, here.line.mend), (here.pull_the_plug, here.plug_in)]
    ):
        cut()
        caller.write(f"during {number}")
        for each in range(20):  # those of another host go through meanwhile
            others.write(f"other {number} {each}")
            others.out.wait_for(rf"back other {number} {each} ")
        assert f"during {number}" not in caller.out.so_far()
        assert caller.process.poll() is None
        mend()
        caller.out.wait_for(rf"back during {number} ")


def test_hosts_leave_nothing(maker: Maker) -> None:
    """Threads, sockets and namespaces are gone, also after a failure; other people's are not touched."""
    before = set(threading.enumerate()), descriptors(), left()
    with suppress(ZeroDivisionError), maker(a=Line(), b=Line()) as made:
        made["a"].way_to(made["b"], 1)
        raise ZeroDivisionError
    assert (set(threading.enumerate()), descriptors(), left()) == before


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def left() -> set[str]:
    """The namespaces that this process has made."""
    return {path.name for path in NAMED.glob(f"beats-{os.getpid()}-*")}


def test_what_a_killed_run_left_is_removed() -> None:
    """The next one that makes hosts removes the namespaces of processes that are no more."""
    names = list(MAKERS)
    code = f"""
import os
from tests.support.hosts import MAKERS
from tests.support.lines import Line
with MAKERS[{names[0]!r}](a=Line()):
    os.kill(os.getpid(), 9)
"""
    with Program([sys.executable, "-c", code], Path.cwd(), clean_environment()) as killed:
        assert killed.end() == -9
    with MAKERS[names[0]](a=Line()):
        assert not list(NAMED.glob(f"beats-{killed.process.pid}-*"))
