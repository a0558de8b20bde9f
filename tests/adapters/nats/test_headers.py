"""Where an envelope belongs, in the headers of its message."""

import pytest

from beats.adapters.nats.headers import NOWHERE, Place, place_of, publish_command
from beats.kernel.testing import envelope


def test_a_command_is_what_a_server_expects() -> None:
    """The sizes count: the headers with the empty line after them, and all of it."""
    sent = envelope(7, unix_ns=-5, encoded=b"picture")
    head, size_bytes = publish_command(b"a.b", b"run", sent)
    line, headers = head.split(b"\r\n", 1)
    assert (
        headers == b"NATS/1.0\r\nBeats-Sequence: 7\r\nBeats-Captured-Unix-Ns: -5\r\nBeats-Origin: run\r\n\r\n"
    )
    assert line == b"HPUB a.b %d %d" % (len(headers), len(headers) + 7)
    assert size_bytes == len(headers) + 7


def test_headers_say_the_place() -> None:
    """As they were written."""
    assert place_of({"Beats-Sequence": "7", "Beats-Origin": "run", "Other": "x"}) == Place("run", 7)


@pytest.mark.parametrize("headers", [None, {}, {"Other": "x"}])
def test_a_message_of_somebody_else_says_nothing(headers: dict[str, str] | None) -> None:
    """Headers are anyone's choice."""
    assert place_of(headers) == NOWHERE


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "²", "1" * 5000, " 1"])
def test_a_number_that_is_none_says_nothing(text: str) -> None:
    """Nor does one of five thousand digits."""
    assert place_of({"Beats-Sequence": text}) == NOWHERE
