"""What is sent to many is framed once, as RFC 6455 says."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from beats.adapters.sinks.websocket.framing import (
    CHUNK_BYTES,
    FrameScanner,
    chunks,
    framed,
    framed_text,
    header,
)
from beats.kernel.testing import envelope

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000]
"""About every form of length; the first three are those that a control frame may have."""


def test_frames_are_what_the_library_writes() -> None:
    """For every form of length, and for text in UTF-8; several follow each other with nothing in between."""
    for size_bytes in SIZES:
        payload = b"x" * size_bytes
        assert header(size_bytes) + payload == Frame(Opcode.BINARY, payload).serialize(mask=False)
    for text in ("", "größer 🎛", "x" * 300):
        assert framed_text(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    one, two = envelope(1, encoded=b"a" * 10), envelope(2, encoded=b"b" * 300)
    assert framed([one, two]) == header(10) + b"a" * 10 + header(300) + b"b" * 300


@given(st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=12))
def test_chunks_are_bounded_and_lose_nothing(sizes: list[int]) -> None:
    """None is larger than the bound unless it is one envelope."""
    shared = bytes(3 * CHUNK_BYTES)
    batch = [envelope(index + 1, encoded=shared[:size]) for index, size in enumerate(sizes)]
    pieces = list(chunks(batch))
    assert [item for piece in pieces for item in piece] == batch
    for piece in pieces:
        assert piece
        assert len(piece) == 1 or sum(len(item.encoded) for item in piece) <= CHUNK_BYTES


@given(
    st.lists(
        st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), st.sampled_from(SIZES))
        | st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.sampled_from(SIZES[:3])),
        max_size=6,
    ),
    st.booleans(),
    st.integers(1, 50),
)
def test_frames_are_found_where_they_begin(frames: list[tuple[Opcode, int]], mask: bool, pieces: int) -> None:
    """For any kind and length, masked or not, however the bytes are split."""
    data, expected = b"", list[int]()
    for opcode, size_bytes in frames:
        expected.append(len(data))
        data += Frame(opcode, b"x" * size_bytes).serialize(mask=mask)
    scanner, step = FrameScanner(), len(data) // pieces + 1
    begins = range(0, len(data), step)
    assert [at + start for at in begins for start in scanner.starts(data[at : at + step])] == expected


def test_frames_that_come_byte_by_byte_are_found() -> None:
    """A header may be split anywhere."""
    data = b"".join(Frame(Opcode.TEXT, bytes(size)).serialize(mask=True) for size in (0, 125, 126, 300, 0))
    scanner = FrameScanner()
    assert sum(len(list(scanner.starts(data[at : at + 1]))) for at in range(len(data))) == 5
