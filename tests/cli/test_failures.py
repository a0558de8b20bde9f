"""Why a connection failed."""

import socket
import ssl

import pytest

from beats.cli.failures import reason

ASYNCIO = (
    "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), [Errno 111] Connect call failed"
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (OSError(ASYNCIO), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ConnectionResetError(), "ConnectionResetError"),
        (OSError("all failed\n\x1b[2J"), r"all failed\n\x1b[2J"),
        (
            ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"),
            "encryption fails ([SSL: WRONG_VERSION_NUMBER] wrong version): use ws:",
        ),
    ],
)
def test_reasons_are_short_and_harmless(error: OSError, said: str) -> None:
    """They are those of the operating system; an error without a message gives its type."""
    assert reason(error).startswith(said)
    assert reason(error).isprintable()


def test_the_reason_of_several_attempts_is_that_of_the_last() -> None:
    """A host may have several addresses, and anyio reports all of them together."""
    error = OSError("All connection attempts failed")
    error.__cause__ = ExceptionGroup("several", [OSError(113, "x"), ConnectionRefusedError(111, "y")])
    assert reason(error) == "Connection refused"
