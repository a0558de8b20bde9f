"""What was sent to a server that has not said yet that it has it."""

import anyio
import pytest

from beats.adapters.sinks.nats.unconfirmed import Unconfirmed
from beats.kernel.testing import envelope

SENT = [envelope(number, encoded=b"x" * number) for number in range(1, 6)]


def test_everything_up_to_a_mark_is_confirmed() -> None:
    """In order; later ones are not."""
    unconfirmed = Unconfirmed()
    unconfirmed.add(SENT[:2])
    mark = unconfirmed.mark
    unconfirmed.add(SENT[2:])
    assert (len(unconfirmed), unconfirmed.bytes) == (5, 15)
    assert unconfirmed.confirm(mark) == SENT[:2]
    assert unconfirmed.envelopes() == SENT[2:]
    assert (len(unconfirmed), unconfirmed.bytes) == (3, 12)
    assert unconfirmed.confirm(mark) == []


def test_unconfirmed_envelopes_are_taken_back() -> None:
    """A late confirmation has no effect."""
    unconfirmed = Unconfirmed()
    unconfirmed.add(SENT[:2])
    mark = unconfirmed.mark
    assert unconfirmed.take_back() == SENT[:2]
    assert (len(unconfirmed), unconfirmed.bytes) == (0, 0)
    unconfirmed.add(SENT[2:3])
    assert unconfirmed.confirm(mark) == []
    assert unconfirmed.confirm(unconfirmed.mark) == SENT[2:3]


@pytest.mark.anyio
async def test_each_change_wakes_those_who_wait() -> None:
    """Sending, confirming and taking back."""
    unconfirmed = Unconfirmed()
    told = 0

    async def wait() -> None:
        nonlocal told
        await unconfirmed.changed()
        told += 1

    changes = (
        lambda: unconfirmed.add(SENT),
        lambda: unconfirmed.confirm(unconfirmed.mark),
        unconfirmed.take_back,
    )
    for change in changes:
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(wait)
                await anyio.wait_all_tasks_blocked()
                change()
    assert told == 3
