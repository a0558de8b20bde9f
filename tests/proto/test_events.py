from datetime import UTC, datetime, timedelta, timezone

import pytest

from beats.proto.events import input_event


def test_an_event_holds_its_data_as_json() -> None:
    """The data is compact JSON, as of any other update."""
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
    """An offset is kept; without one, the time is UTC."""
    assert input_event("press", timestamp).timestamp == expected


def test_an_event_is_of_now_by_default() -> None:
    """In UTC."""
    before = datetime.now(UTC)
    event = input_event("press", data=1)
    assert before <= datetime.fromisoformat(event.timestamp) <= datetime.now(UTC)
    assert event.timestamp.endswith("+00:00")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("press", "yesterday"), "yesterday"),
        (("", "2024-05-01"), "event_type is empty"),
        (("press", "2024-05-01", {"x": float("nan")}), r"data\['x'\]: nan is not a number in JSON"),
    ],
)
def test_a_wrong_value_is_refused(arguments: tuple[str, str, object], why: str) -> None:
    """A time that is not ISO 8601, an empty type, and data without JSON."""
    with pytest.raises(ValueError, match=why):
        input_event(*arguments)
