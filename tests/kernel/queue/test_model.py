"""A queue against a plain model of it."""

import itertools
from typing import Final, NamedTuple, assert_never

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from beats.kernel.envelope import KINDS, Envelope
from beats.kernel.queue.bounds import LaneBounds, QueueBounds
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.testing import VirtualTimeLoop, envelope
from beats.kernel.waiter import Refusal, Waiter
from tests.kernel.queue.queue_model import Item, Model, pair, tally_of
from tests.kernel.support import EXPLORE, assert_balanced
from tests.support.drawing import draws


def sequences(batch: list[Envelope]) -> list[int]:
    return [item.sequence for item in batch]


class Offer(NamedTuple):
    topic: str
    size_bytes: int


class Take(NamedTuple):
    max_items: int | None


class TakeBytes(NamedTuple):
    max_bytes: int


class Withdraw(NamedTuple):
    place: int


class GiveBack(NamedTuple):
    items: int


class LoseInHand(NamedTuple):
    reason: str = "failed"


class Discard(NamedTuple):
    reason: str = "shutdown"


class AskForLosses(NamedTuple):
    pass


class Close(NamedTuple):
    admit_line: bool


class Rebound(NamedTuple):
    bounds: QueueBounds


Step = Offer | Take | TakeBytes | Withdraw | GiveBack | LoseInHand | Discard | AskForLosses | Close | Rebound

LIMITS: Final = (st.integers(1, 4), st.integers(1, 16), st.sampled_from(sorted(OVERFLOWS)), st.just(1e6))
BOUNDS: Final = st.builds(
    QueueBounds, *LIMITS, per_kind=st.dictionaries(st.sampled_from(KINDS), st.builds(LaneBounds, *LIMITS))
)

OFFER: Final[st.SearchStrategy[Step]] = st.builds(
    Offer, st.sampled_from(["frame", "peripheral/a", "peripheral/b"]), st.integers(0, 9)
)
OTHER: Final[st.SearchStrategy[Step]] = st.one_of(
    st.builds(Take, st.none() | st.integers(1, 4)),
    st.builds(TakeBytes, st.integers(1, 12)),
    st.builds(Withdraw, st.integers(0, 3)),
    st.builds(GiveBack, st.integers(0, 5)),
    st.sampled_from([LoseInHand(), Discard(), AskForLosses()]),
    st.builds(Rebound, BOUNDS),
)
# Bursts, since single offers among takes would rarely fill a queue; and a late close, since it ends
# everything.
ROUNDS: Final[st.SearchStrategy[list[list[Step]]]] = st.lists(
    st.tuples(st.lists(OFFER, min_size=1, max_size=8), st.lists(OTHER, max_size=3)).map(
        lambda burst_and_others: [*burst_and_others[0], *burst_and_others[1]]
    ),
    min_size=1,
    max_size=6,
)
END: Final[st.SearchStrategy[list[Step]]] = st.lists(
    st.one_of(OTHER, st.builds(Close, st.booleans()), OFFER), max_size=4
)


class Pair:
    """A queue and its model, compared after each step."""

    def __init__(self, bounds: QueueBounds) -> None:
        self._queue = SinkQueue("null", bounds, keep_losses=True)
        self._model = Model(bounds)
        self._offered: dict[int, Envelope] = {}
        self._waiters: dict[int, Waiter] = {}
        self._number = 0

    async def go(self, step: Step) -> None:
        queue, model = self._queue, self._model
        match step:
            case Offer():
                self._offer(step)
            case Take(max_items):
                if model.waiting or model.closed:  # else it would wait forever
                    assert sequences(await queue.take(max_items)) == model.take(max_items)
            case TakeBytes(max_bytes):
                assert sequences(queue.take_nowait(max_bytes)) == model.take(None, max_bytes)
            case Withdraw(place):
                if place < len(model.line):
                    item = model.line[place]
                    model.withdraw(item)
                    assert queue.withdraw(self._waiters[item.number])
            case GiveBack(items):
                queue.give_back([self._offered[number] for number in model.give_back(items)])
            case LoseInHand(reason):
                assert pair(queue.lose_in_hand(reason)) == model.lose_in_hand(reason)
            case Discard(reason):
                assert pair(queue.discard(reason)) == model.discard(reason)
            case AskForLosses():
                losses = queue.losses()
                assert set(losses) == model.losses()
                assert len(losses) == len(set(losses))
            case Close(admit_line):
                queue.close(admit_line=admit_line)
                model.close(admit_line=admit_line)
            case Rebound(bounds):
                queue.rebound(bounds)
                for number, told in model.rebound(bounds).items():
                    refusal = self._waiters[number].wait()
                    assert (refusal is not None) == (told == "told")
                    assert refusal is None or "closed" not in refusal.why
            case _:
                assert_never(step)
        assert tally_of(queue.stats()) == model.tally()
        assert_balanced(queue.stats())

    def _offer(self, step: Offer) -> None:
        self._number += 1
        item = Item(self._number, *step)
        made = self._offered[self._number] = envelope(
            item.number, topic=item.topic, encoded=b"x" * item.size_bytes, unix_ns=item.unix_ns
        )
        answer = self._queue.offer(made)
        told = self._model.offer(item)
        assert type(answer) is {"ok": type(None), "told": Refusal, "wait": Waiter}[told]
        if isinstance(answer, Waiter):
            self._waiters[self._number] = answer


@settings(EXPLORE, max_examples=draws(500))
@given(bounds=BOUNDS, rounds=ROUNDS, end=END)
def test_a_queue_does_what_a_plain_list_would(
    bounds: QueueBounds, rounds: list[list[Step]], end: list[Step]
) -> None:
    """Batches, answers, losses and every counter equal the model's, for all strategies, lanes and bounds."""

    async def main() -> None:
        pair = Pair(bounds)
        for step in [*itertools.chain(*rounds), *end, AskForLosses()]:
            await pair.go(step)

    anyio.run(main, backend="asyncio", backend_options={"loop_factory": VirtualTimeLoop})
