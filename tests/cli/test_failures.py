"""Why a connection failed."""

import socket
import ssl

import pytest

from beats.cli.failures import ServerError, reason, refusal, unreachable

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


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 426, 429, 500, 503])
def test_a_refusal_is_told_as_the_server_says_it(status: int) -> None:
    """With whether it would be the same the next time, and without what a terminal would obey."""
    error = refusal(status, "text/plain; charset=utf-8", b"Because \x1b[31mof that.\n", "not Beats")
    assert str(error).startswith(f"HTTP {status}: Because \\x1b[31mof that.")
    assert error.lasting == (status not in (429, 500, 503))
    assert str(error).endswith(": not Beats") == (status in (301, 404, 426))


def test_a_refused_connection_ends_with_what_to_do() -> None:
    """Any other reason stays as it is."""
    refused = unreachable(ConnectionRefusedError(111, "Connect call failed"))
    assert refused.with_hint.startswith("Connection refused: no program listens there")
    assert str(refused) == "Connection refused"
    assert unreachable(OSError(113, "No route to host")).with_hint == "No route to host"
    assert ServerError("HTTP 404").with_hint == "HTTP 404"
