"""Where a stream travels on a NATS server."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beats.adapters.nats.messages import (
    MAX_TOKEN,
    MessageHeaders,
    Subjects,
    headers_of,
    peripheral_id,
    publish_command,
    token,
)
from beats.kernel.testing import envelope

SUBJECTS = Subjects("beats", "main")
ODD_IDS = [
    "",
    ".",
    "*",
    ">",
    "a.b",
    " ",
    "\t\r\n",
    "%",
    "%25",
    "%2E",
    "ü",
    "🎛",
    "a/b",
    "$JS",
    "%sha256-",
    "\0",
    "~",
]


def test_a_stream_has_subjects_of_its_own() -> None:
    """Frames in one, each peripheral in one."""
    assert SUBJECTS.of("frame") == "beats.main.frame"
    assert SUBJECTS.of("peripheral/knob-1") == "beats.main.peripheral.knob-1"
    assert SUBJECTS.everything == "beats.main.>"
    assert Subjects("site.hall", "left").of("frame") == "site.hall.left.frame"


def test_the_stream_of_last_values_has_a_legal_name() -> None:
    """A dot would be none."""
    assert Subjects("site.hall", "left").last_values == "site_hall_left"


@pytest.mark.parametrize("text", ODD_IDS)
def test_any_id_has_a_token_that_tells_it(text: str) -> None:
    """A token may hold no blank, dot, wildcard or control character, and not be empty."""
    assert re.fullmatch(r"[A-Za-z0-9%_~-]+", token(text))
    assert peripheral_id(token(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
@example("%")
def test_a_topic_comes_back_from_its_subject(text: str) -> None:
    """Or, where the id is very long, is not told; never another one."""
    topic = f"peripheral/{text}"
    assert SUBJECTS.topic(SUBJECTS.of(topic)) in (topic, None)
    assert SUBJECTS.topic(SUBJECTS.of(topic)) == topic or len(text.encode()) * 3 > MAX_TOKEN


def test_different_ids_have_different_tokens() -> None:
    """Also very long ones, whose tokens are short all the same."""
    ids = [
        *ODD_IDS,
        *("x" * length for length in range(MAX_TOKEN - 2, MAX_TOKEN + 3)),
        "x" * 100_000,
        "ü" * 200,
    ]
    tokens = {token(text) for text in ids}
    assert len(tokens) == len(ids)
    assert max(map(len, tokens)) <= MAX_TOKEN
    assert peripheral_id(token("x" * MAX_TOKEN)) == "x" * MAX_TOKEN
    assert peripheral_id(token("x" * (MAX_TOKEN + 1))) is None


@pytest.mark.parametrize(
    "subject",
    [
        "beats.main",
        "beats.main.frames",
        "beats.other.frame",
        "beats.main.peripheral.",
        "beats.main.peripheral.a.b",
        "beats.main.peripheral.%2e",  # in another way than ours
        "beats.main.peripheral.%41",
        "beats.main.peripheral.%FF",
        "beats.main.peripheral.%sha256-0",
        "xbeats.main.frame",
    ],
)
def test_a_subject_that_is_nobodys_has_no_topic(subject: str) -> None:
    """Anyone may send to it."""
    assert SUBJECTS.topic(subject) is None


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
    assert headers_of({"Beats-Sequence": "7", "Beats-Origin": "run", "Other": "x"}) == MessageHeaders(
        "run", 7
    )


@pytest.mark.parametrize("headers", [None, {}, {"Other": "x"}])
def test_a_message_of_somebody_else_says_nothing(headers: dict[str, str] | None) -> None:
    """Headers are anyone's choice."""
    assert headers_of(headers) == MessageHeaders()


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "²", "1" * 5000, " 1"])
def test_a_number_that_is_none_says_nothing(text: str) -> None:
    """Nor does one of five thousand digits."""
    assert headers_of({"Beats-Sequence": text}) == MessageHeaders()
