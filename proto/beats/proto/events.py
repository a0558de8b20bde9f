"""Creates input events: what a person did to a peripheral."""

from datetime import UTC, datetime

from beats.proto.input_event_pb2 import InputEvent
from beats.proto.normalise import iso_8601, to_json


def input_event(event_type: str, timestamp: datetime | str | None = None, data: object = None) -> InputEvent:
    """An `InputEvent`, to publish as the data of a peripheral.

    Args:
        event_type: what happened, in the device's terms.
        timestamp: when; now if None; ISO 8601 if it is text. Without an offset it means UTC, and is sent with
            one.
        data: the event's data; anything that `to_json` takes.

    Raises:
        TypeError, ValueError: a value is of the wrong type, empty, or cannot be written; says which.
    """
    if not event_type:
        raise ValueError("event_type is empty")
    moment = datetime.now(UTC) if timestamp is None else timestamp
    text = iso_8601(moment) if isinstance(moment, datetime) else _with_offset(moment)
    return InputEvent(event_type=event_type, timestamp=text, data_json=to_json(data))


def _with_offset(timestamp: str) -> str:
    # Text with an offset is sent as it is: it may be finer than a datetime's microseconds.
    moment = datetime.fromisoformat(timestamp)
    return timestamp if moment.tzinfo else iso_8601(moment)
