"""Envelopes that were sent and that the server has not confirmed yet."""

from collections import deque
from collections.abc import Iterable
from typing import Final

import anyio

from beats.kernel.envelope import Envelope


class Unconfirmed:
    """Envelopes in the order in which they were sent."""

    def __init__(self) -> None:
        self._sent: Final[deque[Envelope]] = deque()
        self._sent_so_far = self._confirmed_so_far = 0
        self._bytes = 0
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def bytes(self) -> int:
        """The sum of their encoded bytes."""
        return self._bytes

    @property
    def mark(self) -> int:
        """The position of the last one, for `confirm`."""
        return self._sent_so_far

    def envelopes(self) -> list[Envelope]:
        """All envelopes that are not confirmed."""
        return list(self._sent)

    def add(self, envelopes: Iterable[Envelope]) -> None:
        """Add envelopes that have been sent."""
        for envelope in envelopes:
            self._sent.append(envelope)
            self._sent_so_far += 1
            self._bytes += len(envelope.encoded)
        self._change()

    def confirm(self, mark: int) -> list[Envelope]:
        """The server has everything up to a mark; returns what was unconfirmed of that."""
        count = max(0, mark - self._confirmed_so_far)
        confirmed = [self._sent.popleft() for _ in range(count)]
        self._confirmed_so_far += count
        self._bytes -= sum(len(envelope.encoded) for envelope in confirmed)
        self._change()
        return confirmed

    def take_back(self) -> list[Envelope]:
        """Remove and return all of them, since they will never be confirmed."""
        sent = list(self._sent)
        self._sent.clear()
        self._confirmed_so_far, self._bytes = self._sent_so_far, 0
        self._change()
        return sent

    async def changed(self) -> None:
        """Wait until something is sent or confirmed."""
        await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
