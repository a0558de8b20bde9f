"""What a late joiner gets first."""

from beats.adapters.state import State
from beats.kernel.testing import envelope


def test_an_empty_snapshot_has_nothing_to_send() -> None:
    """Before anything was published there is nothing to catch up with."""
    assert State().envelopes() == []


def test_the_latest_frame_comes_first_then_peripherals_as_first_seen() -> None:
    """Order is by first sight, content is the latest."""
    snapshot = State()
    first = [envelope(1, topic="peripheral/b"), envelope(1, topic="peripheral/a"), envelope(1)]
    snapshot.update(first)
    later = [envelope(2), envelope(2, topic="peripheral/b"), envelope(1, topic="peripheral/c")]
    snapshot.update(later)
    topics = [(item.topic, item.sequence) for item in snapshot.envelopes()]
    assert topics == [("frame", 2), ("peripheral/b", 2), ("peripheral/a", 1), ("peripheral/c", 1)]
