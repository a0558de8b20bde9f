"""The lanes of a queue: made, made anew with other bounds while in use, and filled from the line before them.

All of it is called under the queue's lock.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter, itemgetter

from beats.kernel.envelope import KINDS, Envelope, Kind
from beats.kernel.lane import Lane, LaneBounds
from beats.kernel.losses import LossLog
from beats.kernel.overflow import Verdict


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


def move(before: Iterable[Lane], after: Mapping[Kind, Lane]) -> None:
    """Move what waits, what was counted, and the producers in line, in the order of publication.

    What waits beyond the new bounds is dropped by the new strategy. `block` drops nothing: until it is taken,
    more waits than the bounds allow.
    """
    before = tuple(before)
    for lane in before:
        for drop in lane.drops():
            after[drop.kind].inherit([drop])
    waiting = [item for lane in before for item in lane.take_all()]
    for number, envelope in sorted(waiting, key=itemgetter(0)):
        lane = after[envelope.kind]
        if lane.offer(number, envelope) is Verdict.WAIT:
            lane.put_last(number, envelope)
    tickets = [ticket for lane in before for ticket in lane.line]
    for ticket in sorted(tickets, key=attrgetter("number")):
        after[ticket.envelope.kind].line.append(ticket)


def let_in(lanes: Iterable[Lane], count: Callable[[Envelope], object]) -> None:
    """Give producers in line the room that there is; `count` is told of each envelope that leaves a line."""
    for lane in lanes:
        while lane.line:
            ticket = lane.line[0]
            verdict = lane.offer(ticket.number, ticket.envelope)
            if verdict is Verdict.WAIT:
                break
            lane.line.popleft()
            count(ticket.envelope)
            ticket.settle(admitted=verdict is not Verdict.RAISE)
