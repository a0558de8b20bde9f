"""What was sent to a server that has not said yet that it has it."""

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
        """A place to come back to with `confirm`: here."""
        return self._sent_so_far

    def envelopes(self) -> list[Envelope]:
        """All of them."""
        return list(self._sent)

    def add(self, envelopes: Iterable[Envelope]) -> None:
        """These have been sent."""
        for envelope in envelopes:
            self._sent.append(envelope)
            self._sent_so_far += 1
            self._bytes += len(envelope.encoded)
        self._change()

    def confirm(self, mark: int) -> list[Envelope]:
        """The server has all that was sent up to a mark: those that it was not known of."""
        count = max(0, mark - self._confirmed_so_far)
        confirmed = [self._sent.popleft() for _ in range(count)]
        self._confirmed_so_far += count
        self._bytes -= sum(len(envelope.encoded) for envelope in confirmed)
        self._change()
        return confirmed

    def take_back(self) -> list[Envelope]:
        """All of them, of which nobody will ever say what became of them."""
        sent = list(self._sent)
        self._sent.clear()
        self._confirmed_so_far, self._bytes = self._sent_so_far, 0
        self._change()
        return sent

    async def changed(self) -> None:
        """Wait until something is sent, or confirmed."""
        await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
