"""From a record to what it holds: messages, a note, or what is wrong with it."""

from collections.abc import Iterator, Mapping
from typing import IO, Final, NamedTuple

from beats.recordings.content import Contents, Message, metadata_of
from beats.recordings.scan import HEAD_BYTES, Damage, Place, chunk_records, chunk_times, content

MOST_NOTE_BYTES: Final = 16 * 1024 * 1024
"""A longer record besides messages is passed over: ours hold settings and losses, a few kilobytes."""

Batch = list[Message]


class Note(NamedTuple):
    """A metadata record."""

    name: str
    content: Mapping[str, str]


def chunk_batch(file: IO[bytes], place: Place, contents: Contents) -> Iterator[Batch | Damage]:
    """The messages of a chunk; all of them, or none when it is damaged."""
    records = chunk_records(file, place, must_have_checksum=contents.is_ours)
    if isinstance(records, str):
        yield Damage(place.offset, place.after - place.offset, f"a chunk: {records}")
        return
    try:
        batch = list(contents.messages(records))
    except ValueError as error:
        yield Damage(place.offset, place.after - place.offset, f"a chunk: {error}")
        return
    yield batch
    if contents.is_ours and batch:
        times = [message.log_unix_ns for message in batch]
        if chunk_times(place) != (min(times), max(times)):  # no checksum covers them
            why = "a chunk: its times are not those of its messages"
            yield Damage(place.offset + HEAD_BYTES, 16, why, is_index=True)


def loose_batch(file: IO[bytes], place: Place, contents: Contents) -> Iterator[Batch | Damage]:
    """A message outside of chunks. Ours never are, and nothing vouches for their bytes."""
    stretch = place.offset, place.after - place.offset
    if contents.is_ours:
        yield Damage(*stretch, "a message without a checksum")
        return
    try:
        message = contents.message(content(file, place))
    except ValueError as error:
        yield Damage(*stretch, str(error))
        return
    if message is not None:
        yield [message]


def note_of(file: IO[bytes], place: Place) -> Note | None:
    """What a metadata record says; None when it cannot be read."""
    if place.length > MOST_NOTE_BYTES:
        return None
    found = metadata_of(content(file, place))
    return None if found is None else Note(*found)
