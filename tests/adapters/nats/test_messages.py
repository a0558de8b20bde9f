"""Where a stream travels on a NATS server."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from beats.adapters.nats.messages import (
    MAX_TOKEN,
    MessageHeaders,
    Subjects,
    headers_of,
    id_of,
    publish_command,
    token,
)
from beats.kernel.testing import envelope

SUBJECTS = Subjects("beats", "main")
ODD_IDS = [
    *("", ".", "*", ">", "a.b", " ", "\t\r\n", "%", "%25", "%2E", "ü", "🎛", "a/b", "$JS", "%sha256-"),
    *("\0", "~"),
]


def test_each_stream_has_its_own_subjects() -> None:
    """One for frames, and one for each peripheral. The stream of last values has a name without dots."""
    assert SUBJECTS.of("frame") == "beats.main.frame"
    assert SUBJECTS.of("peripheral/knob-1") == "beats.main.peripheral.knob-1"
    assert SUBJECTS.of("frame/cam 1") == "beats.main.frame.cam%201"
    assert [SUBJECTS.kind(SUBJECTS.of(topic)) for topic in ("frame", "frame/a.b", "peripheral/frame")] == [
        "frame",
        "frame",
        "peripheral",
    ]
    assert SUBJECTS.everything == "beats.main.>"
    other = Subjects("site.hall", "left")
    assert (other.of("frame"), other.last_values) == ("site.hall.left.frame", "site_hall_left")


def test_any_id_has_a_valid_token() -> None:
    """Without blank, dot, wildcard or control character, and not empty; the id can be read back."""
    for text in ODD_IDS:
        assert re.fullmatch(r"[A-Za-z0-9%_~-]+", token(text))
        assert id_of(token(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400), st.booleans())
@example("%", False)
def test_a_topic_is_read_back_from_its_subject(text: str, is_frame: bool) -> None:
    """Or not at all for a very long id; never another one."""
    topic = f"frame/{text}" if is_frame else f"peripheral/{text}"
    assert SUBJECTS.topic(SUBJECTS.of(topic)) in (topic, None)
    assert SUBJECTS.topic(SUBJECTS.of(topic)) == topic or len(text.encode()) * 3 > MAX_TOKEN


def test_different_ids_have_different_tokens() -> None:
    """Also very long ids, whose tokens are short."""
    lengths = (*range(MAX_TOKEN - 2, MAX_TOKEN + 3), 100_000)
    ids = [*ODD_IDS, *("x" * length for length in lengths), "ü" * 200]
    tokens = {token(text) for text in ids}
    assert len(tokens) == len(ids)
    assert max(map(len, tokens)) <= MAX_TOKEN
    assert id_of(token("x" * MAX_TOKEN)) == "x" * MAX_TOKEN
    assert id_of(token("x" * (MAX_TOKEN + 1))) is None


def test_other_subjects_have_no_topic() -> None:
    """Anyone may send to them."""
    for subject in ("beats.main", "beats.main.frames", "beats.other.frame", "xbeats.main.frame"):
        assert SUBJECTS.topic(subject) is None
    for last in ("", "a.b", "%2e", "%41", "%FF", "%sha256-0"):  # %2e and %41: not as `token` writes them
        assert SUBJECTS.topic(f"beats.main.peripheral.{last}") is None


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
    """Origin and sequence number. Other programs may send messages, without them or with invalid ones."""
    headers = {"Beats-Sequence": "7", "Beats-Origin": "run", "Other": "x"}
    assert headers_of(headers) == MessageHeaders("run", 7)
    for missing in (None, {}, {"Other": "x"}):
        assert headers_of(missing) == MessageHeaders()
    for text in ("", "-1", "1.5", "x", "²", "1" * 5000, " 1"):
        assert headers_of({"Beats-Sequence": text}) == MessageHeaders()
