"""A program that forks while its stream is on air."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support import python, watching

PROGRAM: Final = """
import multiprocessing, os, signal, sys, threading, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
from beats.app import ClosedError, Stream
{body}
"""

CALLS: Final = """
def refused(call, *args):
    try:
        call(*args)
    except ClosedError as error:
        assert f"opened in another process ({os.getppid()})" in str(error), error
    else:
        raise AssertionError(f"{call} was not refused")

with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    print("On air:", stream.sinks["browser"].address.url, flush=True)
    input()
    if (child := os.fork()) == 0:
        signal.alarm(30)  # ends a child that hangs
        refused(stream.publish_frame, b"")
        refused(stream.publish_pixels, b"")
        refused(stream.publish_peripheral, "knob", 1)
        refused(stream.on_control, print)
        refused(stream.stats)
        refused(stream.snapshot)
        refused(stream.apply, {})
        refused(stream.reload)
        stream.close()
    else:
        assert os.waitpid(child, 0)[1] == 0
        print("the child has ended", flush=True)
        input()
        stream.publish_peripheral("knob", "after")
        input()
"""


def test_a_forked_child_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    """Each call raises at once; leaving the block ends the child; the parent's viewers notice nothing."""
    program = PROGRAM.format(body=CALLS)
    with python(program, tmp_path, stdin=subprocess.PIPE) as running, watching(running.url) as viewer:
        running.write("fork")
        running.out.wait_for("the child has ended")
        running.write("publish")
        assert viewer.next().sequence == 1  # nothing that the child tried has counted
        with watching(running.url) as late:
            assert late.next().topic == "peripheral/knob"
        running.write("end")
        assert running.end() == 0
        assert running.err.text() == ""


POOL: Final = """
def work(number):
    try:
        stream.publish_peripheral("knob", number)
    except ClosedError:
        return "refused"

with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, range(3)))
    assert stream.publish_peripheral("knob", 1) == 1
"""

OWN: Final = """
opening = Stream.open(overrides={"sinks": {"browser": {"port": 0}}})
with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    if (child := os.fork()) == 0:
        signal.alarm(30)
        with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as own, opening as opened:
            print(own.publish_peripheral("knob", 1), opened.publish_peripheral("knob", 1))
            own.publish_pixels(bytes(3), size=(1, 1))
            opened.publish_pixels(bytes(3), size=(1, 1))
    else:
        assert os.waitpid(child, 0)[1] == 0
"""

ASYNC: Final = """
import asyncio

async def main():
    async with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
        if (child := os.fork()) == 0:
            try:
                await stream.publish_peripheral("knob", 1)
            except ClosedError:
                os._exit(7)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert await stream.publish_peripheral("knob", 1) == 1

asyncio.run(main())
"""

AGAIN: Final = """
with Stream.open(overrides={"sinks": {"browser": {"port": 0}}}) as stream:
    port = stream.sinks["browser"].address.port
    if (child := os.fork()) == 0:
        signal.pause()
with Stream.open(overrides={"sinks": {"browser": {"port": port}}}) as stream:
    print("on the same port:", stream.sinks["browser"].address.port == port)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(POOL, "['refused', 'refused', 'refused']\n", id="a pool of workers is refused"),
        pytest.param(OWN, "1 1\n", id="a child opens streams of its own, also prepared ones"),
        pytest.param(ASYNC, "7\n", id="a coroutine of a child is refused"),
        pytest.param(AGAIN, "on the same port: True\n", id="a child that lives on keeps no port"),
    ],
)
def test_programs_that_fork(body: str, said: str, tmp_path: Path) -> None:
    """What programs do with children works or is refused; nothing hangs."""
    with python(PROGRAM.format(body=body), tmp_path) as running:
        assert running.end() == 0, running.err.text()
        assert running.out.text() == said
        assert running.err.text() == ""
