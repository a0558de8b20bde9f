"""What a forked child may do with inherited objects."""

import os
import socket
from collections.abc import Callable

import pytest

from beats.kit.forks import Home, close_in_children

# Since 3.12, Python warns of every fork beside threads, such as those of the test runner.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(call: Callable[[], object]) -> str:
    """The result of a call in a forked child, or the text of its error."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            text = str(call())
        except Exception as error:
            text = str(error)
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return text


def test_everything_is_allowed_in_the_original_process() -> None:
    """The check passes."""
    home = Home()
    home.check()
    assert not home.left


def test_a_child_is_refused() -> None:
    """The error names both processes and says what to do; the parent is not affected."""
    home = Home()
    text = in_child(home.check)
    assert f"opened in another process ({os.getpid()})" in text
    assert "open a stream here" in text
    home.check()


def test_a_listening_socket_is_closed_in_a_child() -> None:
    """And stays open in the parent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        close_in_children(listening)
        assert in_child(listening.fileno) == "-1"
        with socket.create_connection(listening.getsockname(), 20):
            listening.accept()[0].close()
