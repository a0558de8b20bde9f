"""The few errors of our own; everything else is a builtin exception.

Each says whose fault it is: `QueueFull` the sink's, `ClosedError` the caller's, `StartError` and
`MissingPackageError` the operator's.
"""


class QueueFull(Exception):  # noqa: N818 - the name existing callers catch, after queue.Full
    """A queue refused an envelope, and its strategy tells the producer.

    Attributes:
        sink: the name of the sink whose queue refused.
        topic: the topic of the refused envelope.
        sequence: the sequence number of the refused envelope; the other sinks got it.
        size: the bound of the queue's lane, in items.
    """

    def __init__(self, sink: str, topic: str, sequence: int, size: int, why: str) -> None:
        super().__init__(f"sink {sink!r}: queue of {size} refused {topic!r} sequence {sequence}: {why}")
        self.sink = sink
        self.topic = topic
        self.sequence = sequence
        self.size = size


class ClosedError(RuntimeError):
    """The stream was closed before it was used."""


class StartError(RuntimeError):
    """One or more sinks could not start; the message names each and why."""


class SettingsStartError(StartError):
    """A start failed, and will fail until the settings, or what they need, are changed."""


class MissingPackageError(ImportError):
    """An adapter needs a package that is not installed; the message says what to install."""


class InputError(Exception):
    """A source cannot read its input, and a retry would not help."""
