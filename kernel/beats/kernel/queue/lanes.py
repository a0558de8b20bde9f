"""The lanes of a queue: made, made anew with other bounds while in use, and filled from the line before them.

All of it is called under the queue's lock.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from beats.kernel.envelope import KINDS, Envelope, Kind
from beats.kernel.queue.lane import Lane, LaneBounds
from beats.kernel.queue.losses import LossLog
from beats.kernel.queue.overflow import Verdict
from beats.kernel.waiter import Waiter


def make_lanes(
    bounds: LaneBounds,
    own: Mapping[Kind, LaneBounds],
    before_loss: Callable[[], object],
    losses: LossLog | None,
) -> dict[Kind, Lane]:
    """The lane of each kind: its own, or the one that all others share."""
    common = Lane(bounds, before_loss, losses)
    lanes = {kind: Lane(its_own, before_loss, losses) for kind, its_own in own.items()}
    return {kind: lanes.get(kind, common) for kind in KINDS}


def move(before: Iterable[Lane], after: Mapping[Kind, Lane], count: Callable[[Envelope], object]) -> None:
    """Move what waits, what was counted, and the producers in line, in the order of publication.

    What waits beyond the new bounds is dropped by the new strategy. `block` drops nothing: until it is taken,
    more waits than the bounds allow. Where producers no longer wait, those in line come in by their turn,
    and `count` is told of their envelopes.
    """
    before = tuple(before)
    for lane in before:
        for drop in lane.drops():
            after[drop.kind].inherit([drop])
    items: list[tuple[int, Envelope, Waiter | None]] = []
    for lane in before:
        items += [(waiter.number, waiter.envelope, waiter) for waiter in lane.line]
        items += [(number, envelope, None) for number, envelope in lane.take_all()]
    for number, envelope, waiter in sorted(items, key=itemgetter(0)):
        lane = after[envelope.kind]
        if waiter is not None and lane.makes_wait:
            lane.line.append(waiter)
        elif waiter is not None:
            _offer(lane, waiter, count)
        elif lane.makes_wait:
            lane.put_last(number, envelope)
        else:
            lane.offer(number, envelope)


def let_in(lanes: Iterable[Lane], count: Callable[[Envelope], object]) -> None:
    """Give producers in line the room that there is; `count` is told of each envelope that leaves a line."""
    for lane in lanes:
        while lane.line and _offer(lane, lane.line[0], count):
            lane.line.popleft()


def clear_lines(lanes: Iterable[Lane], count: Callable[[Envelope], object], *, admit: bool) -> None:
    """Send the producers in line away: with their envelopes refused, or let in whatever the bounds."""
    for lane in lanes:
        for waiter in lane.line:
            count(waiter.envelope)
            if admit:
                lane.put_last(waiter.number, waiter.envelope)
                lane.sort()
            else:
                lane.count_drop("closed", waiter.envelope)
            waiter.settle(admitted=admit)
        lane.line.clear()


def _offer(lane: Lane, waiter: Waiter, count: Callable[[Envelope], object]) -> bool:
    """Offer the envelope of a producer in line; False when it has to wait on."""
    envelope = waiter.envelope
    verdict = lane.offer(waiter.number, envelope)
    if verdict is Verdict.WAIT:
        return False
    if verdict is Verdict.ADMIT:
        lane.sort()
    count(envelope)
    waiter.settle(admitted=verdict is not Verdict.RAISE, why=lane.why_refused(envelope))
    return True
