"""Publishing what was on a bus before."""

from typing import Final

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.bus import Bus
from beats.kernel.envelope import Envelope, Message, Sealed
from beats.kernel.errors import QueueFull
from beats.kernel.publisher import Publisher
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.testing import FixedClock, PlainCodec, VirtualTimeLoop
from tests.kernel.support import EXPLORE, FRAME, by_topic, dropped, knob, queue_on

pytestmark = pytest.mark.anyio


class PlacedCodec(PlainCodec):
    """Writes sequence number and time before the message."""

    def seal(self, prepared: object, sequence: int, captured_unix_ns: int) -> bytes:
        if sequence > 2**64 - 1:
            raise ValueError(f"sequence is {sequence}")
        return b"%d@%d:" % (sequence, captured_unix_ns) + super().seal(prepared, sequence, captured_unix_ns)

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        head = b"%d@%d:" % (before, captured_unix_ns)
        assert encoded.startswith(head)
        return self.seal(encoded.removeprefix(head), sequence, captured_unix_ns)


def sealed(sequence: int, message: Message = FRAME, captured_unix_ns: int = 7) -> Sealed:
    """A message as a recording or another machine gives it."""
    codec = PlacedCodec()
    encoded = codec.seal(codec.prepare(message), sequence, captured_unix_ns)
    return Sealed(message, sequence, captured_unix_ns, encoded)


class Setup:
    """A bus with its publisher, and all that came onto the bus."""

    def __init__(self, max_topics: int = 100) -> None:
        self.bus: Final = Bus()
        self.received: Final[list[Envelope]] = []
        self.publisher: Final = Publisher(self.bus, PlacedCodec(), FixedClock(500), max_topics=max_topics)
        self.bus.connect("frame", self.received.append)
        self.bus.connect("peripheral", self.received.append)


async def test_what_is_forwarded_keeps_its_number_its_time_and_its_very_bytes() -> None:
    """As long as numbers rise nothing changes, and a gap stays visible."""
    setup = Setup()
    passed = [sealed(3), sealed(4), sealed(9), sealed(2, knob())]
    assert [await setup.publisher.forward_async(item) for item in passed] == [3, 4, 9, 2]
    for envelope, item in zip(setup.received, passed, strict=True):
        assert envelope.encoded is item.encoded
        assert envelope.message is item.message
        assert (envelope.sequence, envelope.captured_unix_ns) == (item.sequence, 7)
        assert envelope.published_unix_ns == 500
    assert [(item.kind, item.topic) for item in setup.received[2:]] == [
        ("frame", "frame"),
        ("peripheral", "peripheral/knob"),
    ]


@pytest.mark.parametrize("sequence", [2**63, 2**64 - 1])
async def test_a_damaged_number_does_not_use_up_the_numbers_of_its_topic(sequence: int) -> None:
    """After the highest number of 64 bits a topic could carry nothing more."""
    setup = Setup()
    assert await setup.publisher.forward_async(sealed(2**63 - 1)) == 2**63 - 1
    other = knob()
    assert await setup.publisher.forward_async(sealed(sequence, other)) == 1
    assert await setup.publisher.publish_async(other) == 2
    assert await setup.publisher.publish_async(FRAME) == 2**63


OPERATIONS = st.lists(
    st.tuples(st.sampled_from([FRAME, knob("a")]), st.none() | st.integers(0, 12), st.booleans()), max_size=20
)


@EXPLORE
@given(OPERATIONS)
def test_numbers_of_each_topic_rise_however_publishing_and_forwarding_mix(
    operations: list[tuple[Message, int | None, bool]],
) -> None:
    """A number is kept if it is higher than the last; otherwise it is the next one, also in the bytes."""
    setup = Setup()
    expected: dict[str, list[int]] = {}

    async def main() -> None:
        for message, sequence, renumber in operations:
            numbers = expected.setdefault("frame" if message is FRAME else "peripheral/a", [])
            last = numbers[-1] if numbers else 0
            if sequence is None:
                returned = await setup.publisher.publish_async(message)
            else:
                item = sealed(sequence, message)
                returned = await setup.publisher.forward_async(item, renumber=renumber)
            kept = sequence is not None and sequence > last and not renumber
            numbers.append(sequence if kept and sequence else last + 1)
            assert returned == numbers[-1]

    anyio.run(main, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})
    assert by_topic(setup.received) == expected
    for item in setup.received:
        assert item.encoded == sealed(item.sequence, item.message, item.captured_unix_ns).encoded
    frames = len(expected.get("frame", []))
    assert (setup.publisher.published, setup.publisher.published_frames) == (len(operations), frames)


async def test_what_cannot_be_renumbered_leaves_no_gap_and_no_topic() -> None:
    """The caller gets the codec's error, and no receiver gets an envelope."""

    class Stubborn(PlainCodec):
        def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
            raise ValueError("its bytes cannot be changed")

    publisher = Publisher(Bus(), Stubborn(), FixedClock(), max_topics=1)
    with pytest.raises(ValueError, match="cannot be changed"):
        await publisher.forward_async(sealed(1), renumber=True)
    assert await publisher.publish_async(knob()) == 1
    assert publisher.published == 1


async def test_a_full_error_queue_refuses_what_is_forwarded() -> None:
    """The caller gets QueueFull once every other sink has the envelope; it is sent, and counted, once."""
    setup, sent = Setup(), list[int]()
    queue = queue_on(setup.bus, "strict", QueueBounds(size=1, overflow="error"))
    other = queue_on(setup.bus, "browser", QueueBounds())
    await setup.publisher.forward_async(sealed(4), on_sent=lambda: sent.append(4))
    with pytest.raises(QueueFull) as caught:
        await setup.publisher.forward_async(sealed(6), on_sent=lambda: sent.append(6))
    assert (caught.value.sink, caught.value.topic, caught.value.sequence) == ("strict", "frame", 6)
    assert sent == [4, 6]
    assert [item.sequence for item in other.take_nowait()] == [4, 6]
    assert dropped(queue.stats()) == {("error", "frame"): 1}
    assert setup.publisher.published == 2
