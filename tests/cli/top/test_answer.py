"""What a server says, checked."""

import json
from math import inf
from typing import Any

import pytest

from beats.cli.top.answer import read
from beats.kernel.stats import Playback
from tests.cli.top.answers import client, document, sink, source, stats

WHOLE = document(
    stats(
        [sink(clients=[client(1, drops=[("latest", 3)])], figures=(("free_bytes", 5.0),)), sink("void")],
        [source(playback=Playback(1.5, 60.0, inf, paused=False, loops=2))],
        published=9,
        frames=4,
    )
)


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_all_that_the_kernel_counts_comes_through() -> None:
    """What `/api/stats` makes of the kernel's counters can be read, and the object stays as it came."""
    found = read(encoded(WHOLE))
    assert found.document == WHOLE
    browser, void = found.answer.stats.sinks
    assert browser.clients[0].queue.drops[0].reason == "latest"
    assert browser.figures == {"free_bytes": 5.0}
    assert (void.client_totals, void.latency) == (None, None)
    playback = found.answer.stats.sources[0].playback
    assert playback is not None
    assert (playback.speed, playback.loops) == ("max", 2)


def test_fields_of_a_newer_server_are_passed_over() -> None:
    """An older `beats top` shows what it knows."""
    found = read(encoded({**WHOLE, "weather": "fine", "process": {**WHOLE["process"], "mood": 1}}))
    assert found.answer.process.pid == 7


def test_what_an_operating_system_does_not_tell_may_be_missing() -> None:
    """Not every one says how much memory a process has."""
    process = {"pid": 7, "cpu_s": 1.5, "rss_bytes": None, "open_files": None}
    assert read(encoded({**WHOLE, "process": process})).answer.process.rss_bytes is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no JSON"),
        (b"<html>", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"1" * 5000, "no JSON"),
        (b"[]", "no object"),
        (b"{}", "beats: Field required"),
        (encoded({**WHOLE, "uptime_s": inf}), "uptime_s: "),
        (encoded({**WHOLE, "time_unix_ns": 10**400}), "time_unix_ns: "),
        (encoded({**WHOLE, "stats": {**WHOLE["stats"], "published": -1}}), r"stats\.published: "),
        (encoded({**WHOLE, "stats": {**WHOLE["stats"], "sinks": {"a": 1}}}), r"stats\.sinks: "),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(body: bytes, why: str) -> None:
    """Also numbers that no counter can have, which would end in an error where they are used."""
    with pytest.raises(ValueError, match=f"^{why}"):
        read(body)


def test_half_a_surrogate_pair_is_a_text() -> None:
    """JSON can say it, although no terminal can show it."""
    text: Any = encoded(WHOLE).replace(b'"studio"', b'"\\ud800"')
    assert read(text).answer.profile == "\ud800"
