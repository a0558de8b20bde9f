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


def test_each_stream_has_its_own_subjects() -> None:
    """One for frames, and one for each peripheral."""
    assert SUBJECTS.of("frame") == "beats.main.frame"
    assert SUBJECTS.of("peripheral/knob-1") == "beats.main.peripheral.knob-1"
    assert SUBJECTS.everything == "beats.main.>"
    assert Subjects("site.hall", "left").of("frame") == "site.hall.left.frame"


def test_the_stream_of_last_values_has_a_legal_name() -> None:
    """Without dots."""
    assert Subjects("site.hall", "left").last_values == "site_hall_left"


@pytest.mark.parametrize("text", ODD_IDS)
def test_any_id_has_a_valid_token(text: str) -> None:
    """Without blank, dot, wildcard or control character, and not empty; the id can be read back."""
    assert re.fullmatch(r"[A-Za-z0-9%_~-]+", token(text))
    assert peripheral_id(token(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
@example("%")
def test_a_topic_is_read_back_from_its_subject(text: str) -> None:
    """Or not at all for a very long id; never another one."""
    topic = f"peripheral/{text}"
    assert SUBJECTS.topic(SUBJECTS.of(topic)) in (topic, None)
    assert SUBJECTS.topic(SUBJECTS.of(topic)) == topic or len(text.encode()) * 3 > MAX_TOKEN


def test_different_ids_have_different_tokens() -> None:
    """Also very long ids, whose tokens are short."""
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
def test_other_subjects_have_no_topic(subject: str) -> None:
    """Anyone may send to them."""
    assert SUBJECTS.topic(subject) is None


def test_a_command_is_what_a_server_expects() -> None:
    """With the sizes of the headers, including the empty line, and of everything."""
    sent = envelope(7, unix_ns=-5, encoded=b"picture")
    head, size_bytes = publish_command(b"a.b", b"run", sent)
    line, headers = head.split(b"\r\n", 1)
    assert (
        headers == b"NATS/1.0\r\nBeats-Sequence: 7\r\nBeats-Captured-Unix-Ns: -5\r\nBeats-Origin: run\r\n\r\n"
    )
    assert line == b"HPUB a.b %d %d" % (len(headers), len(headers) + 7)
    assert size_bytes == len(headers) + 7


def test_headers_are_read() -> None:
    """Origin and sequence number."""
    assert headers_of({"Beats-Sequence": "7", "Beats-Origin": "run", "Other": "x"}) == MessageHeaders(
        "run", 7
    )


@pytest.mark.parametrize("headers", [None, {}, {"Other": "x"}])
def test_missing_headers_are_empty(headers: dict[str, str] | None) -> None:
    """Other programs may send messages."""
    assert headers_of(headers) == MessageHeaders()


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "²", "1" * 5000, " 1"])
def test_an_invalid_number_is_ignored(text: str) -> None:
    """Also one of five thousand digits."""
    assert headers_of({"Beats-Sequence": text}) == MessageHeaders()
