"""Where a stream travels on a NATS server."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beats.adapters.nats.subjects import MAX_TOKEN, Subjects, peripheral_id, token

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
