"""Writing one file: what any MCAP reader finds in it, and what a failure leaves."""

import resource
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from mcap.reader import NonSeekingReader, make_reader
from mcap.writer import Writer

from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.stats import Loss
from beats.recordings import writing
from beats.recordings.format import LOSS, RECORDING, read_loss
from beats.recordings.writing import Channels, Compression, RecordingFile
from tests.recordings.support import (
    ABOUT,
    BEGIN_NS,
    COMPRESSIONS,
    envelope,
    line,
    lines,
    messages,
    read,
    read_back,
    record,
)
from tests.support import tiny_png

WRITTEN = lines(30)
CARRIED = [line(Frame(tiny_png(7)), 50, BEGIN_NS), line(Peripheral("knob", 2), 60, BEGIN_NS)]
FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from beats.recordings.unfinished import unfinished
from beats.recordings.writing import RecordingFile
from tests.recordings.support import ABOUT, lines

resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
file = RecordingFile(Path(sys.argv[1]), ABOUT, "none")
written = 0
try:
    for each in lines(3000):
        file.append(each)
        if file.messages % 20 == 0:
            file.flush()
            written = file.messages
except OSError as error:
    print(written, file.close(), error.strerror, sep="|")
"""


def with_index(path: Path) -> list[tuple[str, bytes]]:
    """What the library's own reader finds by way of the index, checksums checked."""
    reader = make_reader(BytesIO(path.read_bytes()), validate_crcs=True)
    found = reader.iter_messages(log_time_order=False)
    return [(channel.topic, message.data) for _, channel, message in found]


def in_order(path: Path) -> list[tuple[str, bytes]]:
    """What the library's own reader finds on its way through the file, checksums checked."""
    reader = NonSeekingReader(BytesIO(path.read_bytes()), validate_crcs=True)
    found = reader.iter_messages(log_time_order=False)
    return [(channel.topic, message.data) for _, channel, message in found]


@pytest.mark.parametrize("reader", [with_index, in_order])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_strict_readers_read_all(
    tmp_path: Path, compression: Compression, reader: Callable[[Path], list[tuple[str, bytes]]]
) -> None:
    """The MCAP library reads every message, and every checksum is right."""
    path = record(tmp_path / "a.mcap", WRITTEN, compression, carried=CARRIED)
    assert reader(path) == [(each.topic, each.encoded) for each in [*CARRIED, *WRITTEN]]


def test_every_field_has_its_place_in_mcap(tmp_path: Path) -> None:
    """Sequence and both times are where other tools expect them; carried state is marked."""
    path = record(tmp_path / "a.mcap", WRITTEN[:1], carried=CARRIED[:1])
    reader = make_reader(BytesIO(path.read_bytes()))
    (_, marked, _), (schema, channel, message) = reader.iter_messages()
    assert schema is not None
    assert (schema.name, schema.encoding) == ("heart.beats.streaming.StreamEnvelope", "protobuf")
    assert (channel.topic, channel.message_encoding, channel.metadata) == ("frame", "protobuf", {})
    assert marked.metadata == {"beats": "carried"}
    assert (message.sequence, message.log_time, message.publish_time) == (1, BEGIN_NS, BEGIN_NS - 1000)
    assert [(each.name, each.metadata) for each in reader.iter_metadata()] == [(RECORDING, ABOUT)]


def test_numbers_that_mcap_cannot_hold_are_kept_in_the_message(tmp_path: Path) -> None:
    """The envelope keeps sequences of 64 bits and times before 1970."""
    odd = line(Peripheral("knob", 1), 2**40 + 5, -7)
    path = record(tmp_path / "a.mcap", [odd])
    (found,) = messages(path)
    assert found == read_back(odd)._replace(log_unix_ns=0)
    assert found.captured_unix_ns == -1007


def test_a_flush_says_what_is_on_disk_by_it(tmp_path: Path) -> None:
    """Each envelope is returned once; `unflushed` lists the others."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    first, second = (envelope(Peripheral("knob", index), index + 1, BEGIN_NS) for index in range(2))
    file.write([first])
    assert file.unflushed == [first]
    assert file.flush() == [first]
    file.write([second])
    size = file.size_bytes
    assert file.flush() == [second]
    assert (file.flush(), file.unflushed, file.messages) == ([], [], 2)
    assert size > (tmp_path / "a.mcap.part").stat().st_size - 300
    file.close()
    assert len(messages(tmp_path / "a.mcap")) == 2


def test_what_is_appended_is_flushed_by_itself(tmp_path: Path) -> None:
    """Memory holds at most one chunk, also of the state at the beginning."""
    large = [line(Peripheral(f"p{index}", "x" * 400_000), 1, BEGIN_NS) for index in range(8)]
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none", carried=large)
    for each in large:
        assert file.size_bytes - (tmp_path / "a.mcap.part").stat().st_size < 2**20
        file.append(each)
    file.append(large[0]._replace(carried=True))
    found = messages(file.close())
    assert [message.carried for message in found] == [True] * 8 + [False] * 8 + [True]
    assert file.messages == 8


def test_losses_are_on_disk_at_once(tmp_path: Path) -> None:
    """They can be read while the file is being written."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    loss = Loss("drop_oldest", "frame", 3, 900, 7, 9, 10**18, 10**18 + 10**9)
    file.add_losses([loss])
    note = read(tmp_path / "a.mcap.part")[2][-1]
    assert note.name == LOSS
    found = read_loss(note.content)
    assert found is not None
    assert found.topics == {"frame": loss}
    file.discard()


def test_a_file_holds_as_many_topics_as_mcap_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused with the reason; the state takes at most half of them."""
    monkeypatch.setattr(writing, "MAX_CHANNELS", 10)
    state = [line(Peripheral(f"old{index}", 1), 1, BEGIN_NS) for index in range(9)]
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none", carried=state)
    news = [line(Peripheral(f"new{index}", 1), 1, BEGIN_NS) for index in range(6)]
    for each in news[:5]:
        assert file.has_channel_for(each.topic)
        file.append(each)
    assert not file.has_channel_for(news[5].topic)
    with pytest.raises(ValueError, match="allows 10 channels"):
        file.append(news[5])
    file.append(news[0])
    found = messages(file.close())
    assert [message.carried for message in found] == [True] * 5 + [False] * 6


@pytest.mark.skipif(sys.platform == "win32", reason="its files have no such limit")
def test_a_full_disk_leaves_a_file_that_every_reader_reads(tmp_path: Path) -> None:
    """It ends with its last whole chunk and has its own name."""
    path = tmp_path / "a.mcap"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    count, where, why = run.stdout.strip().split("|")
    assert (where, why) == (str(path), "File too large")
    expected = lines(int(count))
    assert len(expected) > 20
    assert path.stat().st_size <= 40_000
    assert in_order(path) == [(each.topic, each.encoded) for each in expected]
    found, damage, _ = read(path)
    assert found == [read_back(each) for each in expected]
    assert damage == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 40_000


def test_state_leaves_room_for_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all channels are used, a range continues without the state."""
    monkeypatch.setattr(writing, "MAX_CHANNELS", 2)
    writer = Writer(BytesIO())
    writer.start()
    made = Channels(writer)
    for name in ("a", "b"):
        made.add(line(Peripheral(name, 1), 1, BEGIN_NS))
    assert not made.add(line(Peripheral("a", 1), 1, BEGIN_NS)._replace(carried=True))
