"""Metadata of losses, and times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.stats import Loss
from beats.recordings.format import MAX_UINT64, LossRecord, clamped, iso, loss_records, read_loss
from tests.kernel.support import EXPLORE

NUMBERS = st.integers(0, 2**64 - 1)
LOSSES = st.lists(
    st.builds(Loss, st.sampled_from(["drop_oldest", "failed"]), st.text(), *[NUMBERS] * 6),
    unique_by=lambda loss: (loss.reason, loss.topic),
    min_size=1,
)


@EXPLORE
@given(LOSSES)
def test_losses_are_read_as_they_were_written(losses: list[Loss]) -> None:
    """One record for each reason, with all numbers of every topic, whatever its name."""
    read = [read_loss(record) for record in loss_records(losses)]
    expected = [
        LossRecord(
            reason,
            min(loss.first_unix_ns for loss in losses if loss.reason == reason),
            max(loss.last_unix_ns for loss in losses if loss.reason == reason),
            {loss.topic: loss for loss in losses if loss.reason == reason},
        )
        for reason in dict.fromkeys(loss.reason for loss in losses)
    ]
    assert read == expected


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"reason": "x", "topics": "no json"},
        {"reason": "x", "topics": "[]"},
        {"reason": "x", "topics": "{}"},
        {"reason": "x", "topics": '{"frame": 5}'},
        {"reason": "x", "topics": '{"frame": {"items": 5}}'},
    ],
)
def test_what_is_no_loss_is_none(metadata: dict[str, str]) -> None:
    """Damaged records, and those of other programs, are ignored."""
    assert read_loss(metadata) is None


def test_times_that_no_calendar_reaches_are_numbers() -> None:
    """A wrong clock must not raise an error."""
    assert iso(0) == "1970-01-01T00:00:00.000000+00:00"
    assert iso(2**80) == str(2**80)
    assert [clamped(-5), clamped(7), clamped(2**70)] == [0, 7, MAX_UINT64]
