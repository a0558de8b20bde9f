"""Delivers a sink's queue over one connection after the other."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import anyio

from beats.kernel.envelope import Envelope
from beats.kernel.ports import Batches
from beats.kit.link_status import LinkStatus


class _Connection(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_Connection)


class _Broker(Protocol[C]):
    @property
    def link(self) -> LinkStatus: ...

    async def connect(self, ended: anyio.Event | None = None) -> C | None:
        """Open the next connection; None once `ended` is set and the other side is not there."""
        ...

    def lose(self, connection: C) -> None: ...


async def deliver_over_connections(
    queue: Batches,
    broker: _Broker[C],
    deliver: Callable[[C, Batches], Awaitable[bool]],
    take_back: Callable[[], Sequence[Envelope]],
) -> None:
    """Deliver until the queue ends; what a lost connection did not deliver waits again, before all others.

    Args:
        queue: of the sink.
        broker: opens the connections.
        deliver: delivers over a connection until it is lost; True if the queue has ended first.
        take_back: returns what was taken and is not delivered, and forgets it. If `deliver` raises, it counts
            as lost, since it may be the cause.
    """
    has_ended = False
    while not has_ended:
        connection = await _connected(queue, broker)
        if connection is None:
            break
        is_fault = False
        try:
            has_ended = await deliver(connection, queue)
        except Exception:
            is_fault = True
            raise
        finally:
            left = take_back()
            if not is_fault:
                queue.give_back(left)  # at the front, so the first to be dropped for fresh ones
            broker.link.is_connected = False
            await connection.close()
        if not has_ended:
            broker.lose(connection)


async def _connected(queue: Batches, broker: _Broker[C]) -> C | None:
    """A sink's next connection; None when its queue ends before there is one.

    Tells the kernel that the sink has started: a server that is not there yet must not delay the others.
    """
    ended = anyio.Event()
    connection: C | None = None

    async def watch() -> None:
        await queue.take(0)  # takes nothing, so it returns only when the queue has ended
        ended.set()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            connection = await broker.connect(ended)
            group.cancel_scope.cancel()
    except BaseException:
        if connection is not None:  # it was opened just before the error
            await connection.close()
        raise
    return connection
