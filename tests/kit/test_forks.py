"""What a forked child may do with what it inherits."""

import os
import socket
from collections.abc import Callable

import pytest

from beats.kit.forks import Home, close_in_children

# Since 3.12, Python warns of every fork beside threads, such as those of the test runner.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(call: Callable[[], object]) -> str:
    """What a call gives in a forked child, or the text of its error."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            said = str(call())
        except Exception as error:
            said = str(error)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return said


def test_at_home_everything_is_allowed() -> None:
    """In the process that it was made in."""
    home = Home()
    home.check()
    assert not home.left


def test_a_child_is_told_whose_it_is() -> None:
    """The error names both processes and says what to do; the parent notices nothing."""
    home = Home()
    said = in_child(home.check)
    assert f"opened in another process ({os.getpid()})" in said
    assert "open a stream here" in said
    home.check()


def test_a_child_keeps_no_port_of_its_parent() -> None:
    """A listening socket is closed in the child alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        close_in_children(listening)
        assert in_child(listening.fileno) == "-1"
        with socket.create_connection(listening.getsockname(), 20):
            listening.accept()[0].close()
