"""What is sent to many is framed once, as RFC 6455 says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from beats.adapters.sinks.websocket.framing import CHUNK_BYTES, chunks, framed, header
from beats.kernel.testing import envelope


@pytest.mark.parametrize("size_bytes", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_header_is_what_the_library_writes(size_bytes: int) -> None:
    """Header and payload together are the bytes of the library's own frame, at every length form."""
    payload = b"x" * size_bytes
    assert header(size_bytes) + payload == Frame(Opcode.BINARY, payload).serialize(mask=False)


def test_several_envelopes_are_framed_one_after_the_other() -> None:
    """A burst is the frames of its envelopes in order, with nothing between them."""
    one, two = envelope(1, encoded=b"a" * 10), envelope(2, encoded=b"b" * 300)
    assert framed([one, two]) == header(10) + b"a" * 10 + header(300) + b"b" * 300


@given(st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=12))
def test_chunks_are_bounded_and_lose_nothing(sizes: list[int]) -> None:
    """Chunks hold the batch in order, and none is larger than the bound unless it is one envelope."""
    shared = bytes(3 * CHUNK_BYTES)
    batch = [envelope(index + 1, encoded=shared[:size]) for index, size in enumerate(sizes)]
    pieces = list(chunks(batch))
    assert [item for piece in pieces for item in piece] == batch
    for piece in pieces:
        assert piece
        assert len(piece) == 1 or sum(len(item.encoded) for item in piece) <= CHUNK_BYTES
