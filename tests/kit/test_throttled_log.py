import logging

import pytest

from beats.kit.throttled_log import ThrottledLog


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_the_first_ten_of_a_kind_are_logged_then_each_power_of_ten(caplog: pytest.LogCaptureFixture) -> None:
    """A hundred thousand events make fifteen lines, with the count."""
    reports = ThrottledLog(logging.getLogger("test"), "source 'x'")
    for number in range(1, 100_001):
        reports.add("bad lines", f"line {number}")
    assert lines(caplog) == [
        *(f"source 'x': line {number}" for number in range(1, 11)),
        "source 'x': more bad lines will be counted, not shown",
        *(
            f"source 'x': {count} bad lines so far; the latest: line {count}"
            for count in (100, 1000, 10_000, 100_000)
        ),
    ]
    assert reports.counts["bad lines"] == 100_000


def test_each_kind_is_counted_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of one kind does not silence another; each has its level."""
    reports = ThrottledLog(logging.getLogger("test"), "source 'x'")
    for _ in range(50):
        reports.add("bad lines", "one more")
    reports.add("refused updates", "it is full", logging.ERROR)
    assert [(record.levelname, record.getMessage()) for record in caplog.records][-1] == (
        "ERROR",
        "source 'x': it is full",
    )


def test_a_summary_lists_only_kinds_that_were_not_shown_in_full(caplog: pytest.LogCaptureFixture) -> None:
    """Ten of a kind were all shown; eleven were not."""
    reports = ThrottledLog(logging.getLogger("test"), "source 'x'")
    for kind, count in (("bad lines", 10), ("refused updates", 11)):
        for _ in range(count):
            reports.add(kind, "one more")
    caplog.clear()
    reports.summarise()
    assert lines(caplog) == ["source 'x': 11 refused updates in all"]
