"""Finding records in damaged files."""

import random
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Chunk
from mcap.writer import MCAP0_MAGIC, CompressionType, Writer

from beats.recordings.scan import (
    FIRST_PRIVATE,
    HEAD_BYTES,
    Damage,
    Record,
    chunk_compression,
    chunk_records,
    chunk_times,
    content,
    fits,
    record_at,
    unpacked_size,
    walk,
)
from tests.kernel.support import EXPLORE

KINDS = [("", CompressionType.NONE), ("lz4", CompressionType.LZ4), ("zstd", CompressionType.ZSTD)]


def written(payloads: list[bytes], compression: CompressionType = CompressionType.NONE) -> bytes:
    """A file with a chunk for each payload."""
    out = BytesIO()
    writer = Writer(out, compression=compression)
    writer.start()
    channel = writer.register_channel("t", "", 0)
    for index, payload in enumerate(payloads):
        writer.add_message(channel, 100 + index, payload, 6, 7)
        writer.flush()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    writer.finish()  # type: ignore[no-untyped-call]  # as above
    return out.getvalue()


def walked(data: bytes | bytearray, *, private: bool = True) -> list[Record | Damage]:
    return list(walk(BytesIO(data), len(data), private=private))


def chunks(data: bytes | bytearray) -> list[Record]:
    return [each for each in walked(data) if isinstance(each, Record) and each.opcode == Opcode.CHUNK]


@EXPLORE
@given(st.binary(max_size=400), st.booleans())
@example(b"\x06" + bytes(100), True)
def test_any_bytes_are_walked_through(data: bytes, begins_right: bool) -> None:
    """The walk ends for any file, and its results are within the file, in order."""
    data = MCAP0_MAGIC + data if begins_right else data
    at = 0
    for found in walked(data):
        end = found.after if isinstance(found, Record) else found.offset + found.size_bytes
        assert at <= found.offset <= end <= len(data)
        at = end


def test_a_whole_file_has_no_damage() -> None:
    """Its records follow one another from the header to the footer."""
    found = walked(written([b"a", b"b"]))
    assert not any(isinstance(each, Damage) for each in found)
    opcodes = [each.opcode for each in found if isinstance(each, Record)]
    assert (opcodes[0], opcodes[-1]) == (Opcode.HEADER, Opcode.FOOTER)
    for before, after in pairwise(found):
        assert isinstance(before, Record)
        assert before.after == after.offset


def test_a_chunk_is_found_wherever_it_is() -> None:
    """Also behind megabytes of rubbish, across a block of reading, and after false candidates."""
    data = written([b"payload"])
    chunk = chunks(data)[0]
    trace = b"\x06" + bytes(36) + b"\x03\0\0\0lz4"
    for length in (1, 2**20 - 40, 2**20 - 9, 2**20, 3 * 2**20 + 7):
        rubbish = (trace + random.Random(length).randbytes(length))[-length:]
        found = walked(MCAP0_MAGIC + rubbish + data[chunk.offset :])
        assert found[0] == Damage(8, length, "not a valid record")
        assert isinstance(found[1], Record)
        assert found[1].length == chunk.length


def test_a_trace_that_overlaps_a_chunk_does_not_hide_it() -> None:
    """A false candidate may reach into a chunk."""
    data = written([b"payload"])
    chunk = chunks(data)[0]
    head = data[chunk.offset : chunk.offset + 41]
    for overlap in (b"\x06" + bytes(36) + bytes(4), b"\x06" + bytes(20), head[:30]):
        found = walked(MCAP0_MAGIC + b"\x10" + overlap + data[chunk.offset :])
        assert isinstance(found[1], Record)
        assert found[1].offset == 9 + len(overlap)


def test_a_record_with_a_wrong_length_is_damage_from_its_beginning() -> None:
    """A private record that spans chunks is rejected when no record follows it."""
    data = written([b"a", b"b", b"c"])
    first = chunks(data)[0]
    liar = b"\x90" + (first.length + 100).to_bytes(8, "little")
    found = walked(data[: first.offset] + liar + data[first.offset :])
    damage = [each for each in found if isinstance(each, Damage)]
    assert damage == [Damage(first.offset, len(liar), "not a valid record")]
    assert sum(isinstance(each, Record) and each.opcode == Opcode.CHUNK for each in found) == 3


def test_private_records_are_believed_only_where_they_may_be() -> None:
    """Other programs write them; in files of Beats they are chunks with a wrong opcode."""
    data = bytearray(written([b"a", b"b"]))
    first = chunks(data)[0]
    data[first.offset] |= 0x80
    assert not any(isinstance(each, Damage) for each in walked(data))
    damage = [each for each in walked(data, private=False) if isinstance(each, Damage)]
    assert [each.offset for each in damage] == [first.offset]


@pytest.mark.parametrize(("name", "compression"), KINDS)
def test_a_chunk_is_read_only_if_its_checksum_is_right(name: str, compression: CompressionType) -> None:
    """A wrong bit anywhere in it, or a missing checksum, gives a reason instead of the records."""
    data = written([b"payload" * 20], compression)
    chunk = chunks(data)[0]
    assert chunk_compression(chunk) == name
    assert chunk_times(chunk) == (100, 100)
    whole = chunk_records(BytesIO(data), chunk, must_have_checksum=True)
    assert isinstance(whole, bytes)
    assert b"payload" in whole
    for at in range(chunk.offset + 9 + 32 + len(name) + 8, chunk.after):
        broken = bytearray(data)
        broken[at] ^= 0x10
        found = chunk_records(BytesIO(broken), chunk, must_have_checksum=True)
        assert isinstance(found, str) or found == whole  # some bits of a packed frame mean nothing
    broken = bytearray(data)
    broken[chunk.offset + 9 + 24 : chunk.offset + 9 + 28] = bytes(4)
    place = record_at(BytesIO(broken), len(broken), chunk.offset)
    assert place is not None
    assert chunk_records(BytesIO(broken), place, must_have_checksum=True) == "its checksum is missing"
    assert chunk_records(BytesIO(broken), place, must_have_checksum=False) == whole


@pytest.mark.parametrize("size", [2**31 + 1, 2**62, 2**64 - 1])
def test_impossible_sizes_take_no_memory(size: int) -> None:
    """A chunk that states a larger size than its bytes do is not unpacked."""
    for compression in (CompressionType.NONE, CompressionType.LZ4, CompressionType.ZSTD):
        data = bytearray(written([b"payload"], compression))
        at = chunks(data)[0].offset
        data[at + 9 + 16 : at + 9 + 24] = size.to_bytes(8, "little")
        place = record_at(BytesIO(data), len(data), at)
        assert place is not None
        assert chunk_records(BytesIO(data), place, must_have_checksum=True) == "its size is impossible"
        data[at + 9 + 16 : at + 9 + 24] = (2**30).to_bytes(8, "little")
        place = record_at(BytesIO(data), len(data), at)
        assert place is not None
        assert chunk_records(BytesIO(data), place, must_have_checksum=True) == "its sizes do not agree"


def test_a_huge_length_is_no_record() -> None:
    """A length that reaches beyond the file is damage."""
    data = bytearray(written([b"a", b"b"]))
    second = chunks(data)[1]
    first = chunks(data)[0]
    for length in (len(data), 2**40, 2**64 - 1):
        data[first.offset + 1 : first.offset + 9] = length.to_bytes(8, "little")
        damage, after = walked(data)[1:3]
        assert damage == Damage(first.offset, second.offset - first.offset, "not a valid record")
        assert after == second


def all_records(*, chunked: bool) -> bytes:
    """A file with every kind of record; those that chunks hold only if there are none."""
    out = BytesIO()
    writer = Writer(out, compression=CompressionType.NONE, use_chunking=chunked)
    writer.start(profile="p" * 300, library="somebody")
    schema = writer.register_schema("s" * 300, "jsonschema", b"{}" * 500)
    channel = writer.register_channel("t" * 300, "json", schema, {"a": "b" * 300})
    writer.add_message(channel, 5, b"{}", 6, 7)
    writer.add_attachment(1, 2, "n" * 300, "text/plain", b"x" * 600)
    writer.add_metadata("m" * 300, {"k": "v" * 300})
    writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    return out.getvalue()


def contents_of(data: bytes) -> dict[int, bytes]:
    """The content of a record of each kind."""
    found: dict[int, bytes] = {}
    for place in walk(BytesIO(data), len(data)):
        assert not isinstance(place, Damage)
        found[place.opcode] = data[place.offset + HEAD_BYTES : place.after]
    return found


RECORDS = contents_of(all_records(chunked=True)) | contents_of(all_records(chunked=False))


def test_every_record_of_the_library_fits() -> None:
    """All fifteen kinds, with names longer than the first block of reading."""
    assert set(RECORDS) == set(Opcode)


@pytest.mark.parametrize("opcode", sorted(set(Opcode) - {Opcode.MESSAGE}))
def test_no_other_length_fits(opcode: Opcode) -> None:
    """One byte more or less than the sum of the fields is damage."""
    data = RECORDS[opcode] + b"\0" * 40

    def read(at: int, count: int) -> bytes:
        return data[at : at + count]

    length = len(RECORDS[opcode])
    fitting = [each for each in range(length + 20) if fits(opcode, each, read, private=True)]
    assert fitting == [length]


def test_others_records_fit_where_they_may_be() -> None:
    """Private records are accepted if allowed, unknown opcodes never. Messages have any length above 21."""

    def read(at: int, count: int) -> bytes:
        return bytes(count)

    assert fits(FIRST_PRIVATE, 5, read, private=True)
    assert not fits(FIRST_PRIVATE, 5, read, private=False)
    assert not fits(0x10, 5, read, private=True)
    assert not fits(0, 0, read, private=True)
    assert [fits(Opcode.MESSAGE, length, read, private=False) for length in (21, 22)] == [False, True]


def chunk_of(payload: bytes, compression: CompressionType) -> Chunk:
    """What the library packs."""
    data = written([payload], compression)
    read: Chunk = Chunk.read(ReadDataStream(BytesIO(content(BytesIO(data), chunks(data)[0]))))
    return read


@pytest.mark.parametrize(("name", "compression"), KINDS)
@pytest.mark.parametrize("length", [0, 100, 189, 200, 300, 65_000, 66_000, 300_000])
def test_the_size_is_known_before_unpacking(name: str, compression: CompressionType, length: int) -> None:
    """The first bytes of a chunk state its size with any compression."""
    chunk = chunk_of(bytes(length), compression)
    assert chunk.compression == name
    assert unpacked_size(name, chunk.data) == chunk.uncompressed_size


@EXPLORE
@given(st.sampled_from(["", "lz4", "zstd"]), st.binary(max_size=40))
def test_damaged_packed_bytes_give_some_size_or_none(name: str, data: bytes) -> None:
    """Damaged bytes give some number, or none."""
    size = unpacked_size(name, data)
    assert size is None or size >= 0
