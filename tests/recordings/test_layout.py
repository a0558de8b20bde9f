"""What a record is made of."""

from io import BytesIO

import pytest
from mcap.opcode import Opcode
from mcap.writer import CompressionType, Writer

from beats.recordings.layout import FIRST_PRIVATE, fits
from beats.recordings.scan import HEAD_BYTES, Damage, walk


def written(*, chunked: bool) -> bytes:
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


def records(data: bytes) -> dict[int, bytes]:
    """The content of a record of each kind."""
    found: dict[int, bytes] = {}
    for place in walk(BytesIO(data), len(data)):
        assert not isinstance(place, Damage)
        found[place.opcode] = data[place.offset + HEAD_BYTES : place.after]
    return found


RECORDS = records(written(chunked=True)) | records(written(chunked=False))


def test_every_record_of_the_library_fits() -> None:
    """All fifteen kinds, with names far longer than a first look reaches."""
    assert set(RECORDS) == set(Opcode)


@pytest.mark.parametrize("opcode", sorted(set(Opcode) - {Opcode.MESSAGE}))
def test_no_other_length_fits(opcode: Opcode) -> None:
    """One byte more or less than the fields add up to is damage."""
    data = RECORDS[opcode] + b"\0" * 40

    def read(at: int, count: int) -> bytes:
        return data[at : at + count]

    length = len(RECORDS[opcode])
    fitting = [each for each in range(length + 20) if fits(opcode, each, read, private=True)]
    assert fitting == [length]


def test_others_records_fit_where_they_may_be() -> None:
    """Nothing is known of a private record; of an opcode that nobody has, nothing is believed."""

    def read(at: int, count: int) -> bytes:
        return bytes(count)

    assert fits(FIRST_PRIVATE, 5, read, private=True)
    assert not fits(FIRST_PRIVATE, 5, read, private=False)
    assert not fits(0x10, 5, read, private=True)
    assert not fits(0, 0, read, private=True)


def test_a_message_is_as_long_as_it_likes() -> None:
    """Its data has no length of its own."""
    assert fits(Opcode.MESSAGE, 22, lambda at, count: b"", private=False)
    assert not fits(Opcode.MESSAGE, 21, lambda at, count: b"", private=False)
