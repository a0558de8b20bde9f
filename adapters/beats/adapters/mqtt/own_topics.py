"""What the sinks of this process publish, so that no source of this process takes it for news."""

from typing import Final
from weakref import WeakSet

from beats.kit.addresses import is_loopback


class OwnTopics:
    """The topics that a sink publishes to; known as long as the sink exists.

    Without it, a source that reads the topics of a sink would publish them on the bus, the sink would publish
    them again below its prefix, and so on without end.
    """

    def __init__(self, host: str, port: int, prefixes: tuple[str, ...]) -> None:
        """Declare the topics.

        Args:
            host: of the broker.
            port: of the broker.
            prefixes: the first levels of the topics.
        """
        self._broker: Final = (_host(host), port)
        self._prefixes: Final = tuple(f"{prefix}/" for prefix in prefixes)
        _ALL.add(self)

    def has(self, broker: tuple[str, int], topic: str) -> bool:
        """Whether this is one of them."""
        return broker == self._broker and topic.startswith(self._prefixes)


_ALL: Final[WeakSet[OwnTopics]] = WeakSet()


def is_own(host: str, port: int, topic: str) -> bool:
    """Whether a sink of this process publishes to a topic of this broker."""
    broker = (_host(host), port)
    return any(own.has(broker, topic) for own in tuple(_ALL))


def _host(host: str) -> str:
    """A host's name to compare: all names of this machine's own loopback are one."""
    name = host.casefold().rstrip(".")
    return "localhost" if is_loopback(name) else name
