"""Warnings that come once."""

import logging

import pytest

from beats.adapters.sinks.websocket.once import MOST, Once

LOG = logging.getLogger("beats.test.once")


def levels(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_a_thing_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """Again only after the settings have changed; in between it is there for those who look closer."""
    once = Once(LOG)
    with caplog.at_level(logging.DEBUG):
        for thing in ("a", "a", "b"):
            once.warn(thing, "it is %s", thing)
        once.forget()
        once.warn("a", "it is %s", "a")
    warning, debug = logging.WARNING, logging.DEBUG
    assert levels(caplog) == [
        (warning, "it is a"),
        (debug, "it is a"),
        (warning, "it is b"),
        (warning, "it is a"),
    ]


def test_the_number_of_warnings_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever makes up a new thing each time fills neither the log nor memory."""
    once = Once(LOG)
    for number in range(10 * MOST):
        once.warn(str(number), "it is %d", number)
    assert len([level for level, _ in levels(caplog) if level == logging.WARNING]) == MOST
