"""Counts of what went past."""

from beats.adapters.sinks.websocket.flow import Flow
from beats.kernel.stats import Amount
from beats.kernel.testing import envelope


def test_an_earlier_amount_tells_what_came_since() -> None:
    """Envelopes and bytes between two looks are the difference of two amounts."""
    flow = Flow()
    flow.add([envelope(1, encoded=b"abc")])
    before = flow.amount()
    flow.add([envelope(2, encoded=b"de"), envelope(3, encoded=b"")])
    assert before == Amount(1, 3)
    assert flow.amount().minus(before) == Amount(2, 2)
