"""How large packed bytes say they are."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.writer import CompressionType, Writer

from beats.recordings.scan import Place, content, walk
from beats.recordings.unpacking import size_of
from tests.kernel.support import EXPLORE

KINDS = [("", CompressionType.NONE), ("lz4", CompressionType.LZ4), ("zstd", CompressionType.ZSTD)]


def chunk_of(payload: bytes, compression: CompressionType) -> Chunk:
    """What the library packs."""
    out = BytesIO()
    writer = Writer(out, compression=compression)
    writer.start()
    channel = writer.register_channel("t", "", 0)
    writer.add_message(channel, 5, payload, 6, 7)
    writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    places = walk(out, len(out.getvalue()))
    chunk = next(each for each in places if isinstance(each, Place) and each.opcode == Opcode.CHUNK)
    read: Chunk = Chunk.read(ReadDataStream(BytesIO(content(out, chunk))))
    return read


@pytest.mark.parametrize(("name", "compression"), KINDS)
@pytest.mark.parametrize("length", [0, 100, 189, 200, 300, 65_000, 66_000, 300_000])
def test_the_size_is_known_before_anything_is_unpacked(
    name: str, compression: CompressionType, length: int
) -> None:
    """Whatever its size, and however it is packed, a chunk's bytes say it in their first ones."""
    chunk = chunk_of(bytes(length), compression)
    assert chunk.compression == name
    assert size_of(name, chunk.data) == chunk.uncompressed_size


@EXPLORE
@given(st.sampled_from(["", "lz4", "zstd"]), st.binary(max_size=40))
def test_bytes_that_nobody_packed_are_no_trap(name: str, data: bytes) -> None:
    """Damaged ones give some number, or none."""
    size = size_of(name, data)
    assert size is None or size >= 0
