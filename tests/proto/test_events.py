from datetime import UTC, datetime, timedelta, timezone

import pytest

from beats.proto.events import input_event


def test_an_event_holds_its_data_as_json() -> None:
    """The data is compact JSON, with the values that JSON lacks turned into ones that it has."""
    event = input_event("knob.turn", datetime(2024, 5, 1, tzinfo=UTC), {"by": (1, 2), "id": b"\x0f"})
    assert event.event_type == "knob.turn"
    assert event.data_json == b'{"by":[1,2],"id":"0f"}'


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T12:00:00+02:00"),
        (datetime(2024, 5, 1, 12), "2024-05-01T12:00:00+00:00"),
        ("2024-05-01T12:00:00.123456789-03:00", "2024-05-01T12:00:00.123456789-03:00"),
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01T12:00:00", "2024-05-01T12:00:00+00:00"),
    ],
)
def test_a_timestamp_travels_with_its_offset(timestamp: datetime | str, expected: str) -> None:
    """An offset is kept as it is, and where there is none it is UTC's."""
    assert input_event("press", timestamp).timestamp == expected


def test_an_event_is_of_now_unless_it_says_otherwise() -> None:
    """In UTC."""
    before = datetime.now(UTC)
    event = input_event("press", data=1)
    assert before <= datetime.fromisoformat(event.timestamp) <= datetime.now(UTC)
    assert event.timestamp.endswith("+00:00")


def test_a_timestamp_that_is_not_iso_8601_is_refused() -> None:
    """Text that clients could not read as a time is not sent."""
    with pytest.raises(ValueError, match="yesterday"):
        input_event("press", "yesterday")


def test_an_event_without_type_is_refused() -> None:
    """An event that does not say what happened is of no use to anyone."""
    with pytest.raises(ValueError, match="event_type is empty"):
        input_event("", datetime(2024, 5, 1, tzinfo=UTC))


def test_data_that_cannot_be_written_is_refused() -> None:
    """The data follows the rules of every other JSON."""
    with pytest.raises(ValueError, match=r"data\['x'\]: nan is no number in JSON"):
        input_event("press", datetime(2024, 5, 1, tzinfo=UTC), {"x": float("nan")})
