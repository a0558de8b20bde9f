"""What one read of an input brings."""

from typing import Final, Literal, NamedTuple

CHUNK_BYTES: Final = 8 * 1024
"""Read at a time. Parsing so much takes a millisecond. With 64 KiB, which takes longer than Python's switch
interval of 5 ms, the parsing thread held the event loop up for 20 to 30 ms, and was no faster."""
LOOK_AGAIN_S: Final = 0.2
"""How often a file that is followed, or a FIFO that says nothing useful, is looked at again."""


class Chunk(NamedTuple):
    """What one read brought."""

    data: bytes
    then: Literal["more", "pause", "restart", "end"] = "more"
    """pause: one writer is done and a line it began is whole, but others may follow; restart: the same, and
    what follows is the beginning of a file."""
