import json
import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from beats.adapters.sinks.recorder.disk import Counters
from beats.adapters.sinks.recorder.parts import Parts
from beats.kernel.envelope import Envelope
from beats.kernel.stats import Loss
from beats.kernel.testing import FixedClock, envelope
from beats.proto import wire
from beats.recordings.reading import Recording
from beats.recordings.walltime import WallTime
from beats.recordings.writing import RecordingFile
from tests.adapters.sinks.recorder.support import (
    NOW_NS,
    Room,
    Watch,
    context_of,
    failing_disk,
    metadata,
    parts_of,
    places,
    read,
    settings_of,
)

TOPICS = ("frame", "peripheral/a", "peripheral/b")


def numbered(count: int, first: int = 1, size_bytes: int = 100) -> list[Envelope]:
    """Envelopes of three topics in turn; the first is number `first` of all."""
    made: list[Envelope] = []
    for index in range(first - 1, first - 1 + count):
        topic, sequence = TOPICS[index % 3], index // 3 + 1
        filler = wire.frame_head(size_bytes) + b"x" * size_bytes
        encoded = filler + wire.tail(sequence, NOW_NS + index)
        made.append(envelope(sequence, topic=topic, encoded=encoded, unix_ns=NOW_NS + index * 1000))
    return made


@contextmanager
def opened(parts: Parts) -> Generator[Parts]:
    parts.open()
    yield parts
    parts.close()


def in_order(folder: Path) -> list[Path]:
    """The files of a template that is only the number of the part."""
    return sorted(folder.iterdir(), key=lambda path: int(path.stem))


def pairs(envelopes: list[Envelope]) -> list[tuple[str, int]]:
    return [(each.topic, each.sequence) for each in envelopes]


@pytest.mark.parametrize(
    ("bounds", "least", "most"),
    [
        ({"rotate_bytes": 6000}, 3, 30),
        ({"rotate_s": 10.0}, 3, 30),
        ({"rotate_bytes": 1}, 60, 60),
        ({"rotate_bytes": 0, "rotate_s": 0.0}, 1, 1),
    ],
)
def test_each_part_stands_alone_and_nothing_is_lost(
    tmp_path: Path, bounds: dict[str, float], least: int, most: int
) -> None:
    """Each part begins with the state after the one before. No part is empty; 0 is no bound."""
    watch = Watch()
    every = numbered(60)
    with opened(parts_of(tmp_path / "{part}.mcap", watch, **bounds)) as parts:
        for start in range(0, 60, 5):
            parts.write(every[start : start + 5])
            watch.now_s += 3
    files = in_order(tmp_path)
    assert least <= len(files) <= most
    assert [place for path in files for place in places(path)] == pairs(every)
    before = 0
    for path in files:
        assert places(path), "a part is empty"
        assert places(path, carried=True) == list(dict(pairs(every[:before])).items())
        carried_times = {message.log_time for message in read(path) if message.carried}
        assert carried_times <= {every[before - 1].published_unix_ns}
        before += len(places(path))


def test_more_topics_than_fit_begin_the_next_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MCAP has 65,535 channels in a file; nothing fails and nothing is lost."""
    monkeypatch.setattr("beats.recordings.writing.MAX_CHANNELS", 5)
    every = [envelope(1, topic=f"peripheral/{number}", unix_ns=NOW_NS) for number in range(12)]
    with opened(parts_of(tmp_path / "{part}.mcap")) as parts:
        parts.write(every)
    assert [place for path in in_order(tmp_path) for place in places(path)] == pairs(every)


def test_an_envelope_is_on_disk_when_its_time_has_come(tmp_path: Path) -> None:
    """The interval starts at the first envelope that is only in memory."""
    watch = Watch()
    parts = parts_of(tmp_path / "a.mcap", watch, flush_interval_s=1.0)
    parts.open()
    assert parts.flush_in_s is None
    parts.write(numbered(1))
    watch.now_s += 0.75
    parts.write(numbered(1, 2))
    assert parts.flush_in_s == 0.25
    assert on_disk(tmp_path / "a.mcap.part") == 0
    watch.now_s += 0.25
    assert parts.flush_in_s == 0
    parts.flush()
    assert parts.flush_in_s is None
    assert on_disk(tmp_path / "a.mcap.part") == 2
    parts.write(numbered(1, 3))
    watch.now_s += 1
    parts.write(numbered(1, 4))  # one that comes just then brings the others along
    assert on_disk(tmp_path / "a.mcap.part") == 4
    parts.close()


def on_disk(path: Path) -> int:
    with Recording(path) as recording:
        return sum(len(item) for item in recording.items() if isinstance(item, list))


def test_a_full_chunk_is_on_disk_at_once(tmp_path: Path) -> None:
    """Memory is bounded by size as well."""
    with opened(parts_of(tmp_path / "a.mcap")) as parts:
        parts.write(numbered(3, size_bytes=600_000))
        assert on_disk(tmp_path / "a.mcap.part") == 2


@pytest.mark.parametrize(
    ("fsync", "while_writing", "in_all"), [("never", 0, 0), ("interval", 0, 1), ("always", 2, 3)]
)
def test_the_disk_is_asked_as_often_as_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fsync: str, while_writing: int, in_all: int
) -> None:
    """Never; at the end, besides the syncs of the sink; or after each batch."""
    calls: list[int] = []
    monkeypatch.setattr(os, "fdatasync", calls.append)
    with opened(parts_of(tmp_path / "a.mcap", fsync=fsync)) as parts:
        parts.write(numbered(2))
        parts.write(numbered(2, 3))
        assert len(calls) == while_writing
    assert len(calls) == in_all


def test_a_recording_says_what_it_is_part_of(tmp_path: Path) -> None:
    """Version, profile, sink, start, part and settings are in it; the host only on request."""
    with opened(parts_of(tmp_path / "{part}.mcap", rotate_bytes=1)) as parts:
        parts.write(numbered(2))
    (first,), (second,) = (metadata(tmp_path / f"{part}.mcap", "beats.recording") for part in (1, 2))
    assert (first["profile"], first["sink"], first["part"], second["part"]) == ("studio", "archive", "1", "2")
    assert (first["recording"], first["version"]) == (second["recording"], version("beats"))
    assert first["started"] == "2023-11-14T22:13:20.123457+00:00"
    assert json.loads(first["settings"]) == {"sinks": {"archive": {"type": "recorder"}}}
    assert "host" not in first
    with opened(parts_of(tmp_path / "host.mcap", record_host=True)):
        pass
    assert metadata(tmp_path / "host.mcap", "beats.recording")[0]["host"]


def test_losses_are_written_where_they_happened_and_summed_up_at_the_end(tmp_path: Path) -> None:
    """Reason, time, topics and numbers; the totals cover all parts."""
    loss = Loss("drop_newest", "frame", 3, 300, 5, 9, NOW_NS, NOW_NS + 10**9)
    other = loss._replace(topic="peripheral/a", items=2)
    parts = parts_of(tmp_path / "a.mcap")
    parts.open()
    parts.write(numbered(4), [loss, other])
    parts.close([loss._replace(reason="too_large", items=1)])
    first, second = metadata(tmp_path / "a.mcap", "beats.loss")
    assert (first["reason"], first["envelopes"], second["reason"]) == ("drop_newest", "5", "too_large")
    assert first["from"] == "2023-11-14T22:13:20.123457+00:00"
    assert json.loads(first["topics"])["frame"]["last_sequence"] == 9
    (totals,) = metadata(tmp_path / "a.mcap", "beats.totals")
    assert (totals["recorded"], totals["file_messages"], totals["lost"]) == ("4", "4", "6")
    assert json.loads(totals["lost_by_reason"]) == {"drop_newest": 5, "too_large": 1}


def test_a_loss_alone_is_written_in_time(tmp_path: Path) -> None:
    """Also if no envelope follows."""
    with opened(parts_of(tmp_path / "a.mcap", Watch(), flush_interval_s=1.0)) as parts:
        parts.write([], [Loss("block", "frame", 1, 10, 1, 1, NOW_NS, NOW_NS)])
        assert parts.flush_in_s == 1.0
        parts.flush()
        assert parts.flush_in_s is None
    assert len(metadata(tmp_path / "a.mcap", "beats.loss")) == 1


def test_a_failed_write_ends_the_file_readable_and_gives_back_what_is_in_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was flushed is in the first file, everything else in the second."""
    every = numbered(30, size_bytes=200_000)
    parts = parts_of(tmp_path / "{part}.mcap")
    parts.open()
    parts.write(every[:10])
    with monkeypatch.context() as patch:
        failing_disk(patch, lambda data: len(data) > 500_000)
        with pytest.raises(OSError, match="No space left"):
            parts.write(every[10:])
    back = parts.abandon()
    assert "1.mcap ends early because a write failed" in caplog.text
    parts.open()
    parts.write(back)
    parts.close()
    held = [places(tmp_path / f"{number}.mcap") for number in (1, 2)]
    assert held[0] + held[1] == pairs(every)
    assert held[0]
    assert places(tmp_path / "2.mcap", carried=True)[0][0] == "frame"


def test_a_low_disk_ends_the_file_while_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has its index, what was not written comes back, and the error says what to do."""
    room = Room(monkeypatch)
    parts = parts_of(tmp_path / "{part}.mcap", min_free_bytes=10**8)
    parts.open()
    every = numbered(9)
    parts.write(every[:6])
    room.free_bytes = 10**7
    with pytest.raises(OSError, match="only 10 MB are free and min_free_bytes reserves 100 MB: free some"):
        parts.flush()
    back = parts.abandon()
    assert pairs(back) == []
    assert places(tmp_path / "1.mcap") == pairs(every[:6])
    assert len(metadata(tmp_path / "1.mcap", "beats.totals")) == 1
    with pytest.raises(OSError, match="only 10 MB are free"):
        parts.open()
    assert [path.name for path in tmp_path.iterdir()] == ["1.mcap"]
    room.free_bytes = 10**9
    parts.open()
    parts.write(every[6:])
    parts.close()
    assert places(tmp_path / "2.mcap") == pairs(every[6:])


def test_a_file_that_is_taken_away_is_noticed(tmp_path: Path) -> None:
    """The recorder must not write for hours into a deleted file; what was not flushed comes back."""
    parts = parts_of(tmp_path / "to" / "{part}.mcap")
    parts.open()
    every = numbered(6)
    parts.write(every[:3])
    parts.flush()
    parts.write(every[3:])
    (tmp_path / "to" / "1.mcap.part").unlink()
    (tmp_path / "to").rmdir()
    with pytest.raises(FileNotFoundError, match=r"1\.mcap was removed or moved while it was being .*with 6"):
        parts.flush()
    back = parts.abandon()
    assert pairs(back) == pairs(every[3:])
    parts.open()
    parts.write(back)
    parts.close()
    assert places(tmp_path / "to" / "2.mcap") == pairs(every[3:])


def test_a_file_whose_name_was_taken_stays_a_part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is overwritten, lost or doubled."""
    tally = Counters()
    parts = Parts(settings_of(tmp_path / "a.mcap"), context_of(), tally)
    parts.open()
    parts.write(numbered(3))
    (tmp_path / "a.mcap").write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        parts.close()
    assert parts.abandon() == []
    assert (tally.envelopes, tally.files) == (3, 0)
    assert (tmp_path / "a.mcap").read_bytes() == b"precious"
    assert places(tmp_path / "a.mcap.part") == pairs(numbered(3))


def test_the_beginning_and_end_of_a_file_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One log line each, with the number of messages."""
    with caplog.at_level(logging.INFO), opened(parts_of(tmp_path / "a.mcap")) as parts:
        parts.write(numbered(2))
    assert caplog.messages == [
        f"sink 'archive': recording to {tmp_path / 'a.mcap'}",
        f"sink 'archive': {tmp_path / 'a.mcap'} is finished: 2 messages",
    ]


def test_old_files_are_deleted_at_the_end_of_each_part(tmp_path: Path) -> None:
    """The oldest files of this recorder are deleted."""
    with opened(parts_of(tmp_path / "{part}.mcap", rotate_bytes=1, keep_parts=2)) as parts:
        parts.write(numbered(5))
    assert [path.name for path in in_order(tmp_path)] == ["4.mcap", "5.mcap"]


def test_another_recording_begins_with_the_state_and_its_own_counts(tmp_path: Path) -> None:
    """Envelopes skipped between two recordings are in neither, but change the state."""
    parts = parts_of(tmp_path / "{part}.mcap")
    every = numbered(12)
    parts.pass_over(every[:3])
    parts.pass_over([])
    for place in (3, 9):
        parts.renew()
        parts.open()
        parts.write(every[place : place + 3], [Loss("drop_newest", "frame", 1, 10, 1, 1, NOW_NS, NOW_NS)])
        parts.close()
        parts.pass_over(every[place + 3 : place + 6])
    first, second = tmp_path / "1.mcap", tmp_path / "2.mcap"
    assert [places(first), places(second)] == [pairs(every[3:6]), pairs(every[9:12])]
    assert places(first, carried=True) == pairs(every[:3])
    assert places(second, carried=True) == pairs(every[6:9])
    assert {each.log_time for each in read(second) if each.carried} == {every[8].published_unix_ns}
    (about_first,), (about_second,) = (metadata(path, "beats.recording") for path in (first, second))
    assert (about_first["part"], about_second["part"]) == ("1", "1")
    assert about_first["recording"] != about_second["recording"]
    totals = [metadata(path, "beats.totals")[0] for path in (first, second)]
    assert [(each["recorded"], each["lost"]) for each in totals] == [("3", "1"), ("3", "1")]


def test_the_oldest_envelope_in_memory_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a slow disk finishes a part, and the rest of the batch waits for the next."""
    parts = parts_of(tmp_path / "{part}.mcap", rotate_bytes=1000)
    ages: list[int | None] = []
    original = RecordingFile.close

    def close(file: RecordingFile, *, sync: bool = False) -> Path:
        ages.append(parts.oldest_unflushed_ns)
        return original(file, sync=sync)

    monkeypatch.setattr(RecordingFile, "close", close)
    assert not parts.is_open
    parts.open()
    assert (parts.is_open, parts.oldest_unflushed_ns) == (True, None)
    every = numbered(2, size_bytes=600)
    parts.write(every)
    assert ages == [every[1].published_unix_ns]
    assert parts.oldest_unflushed_ns == every[1].published_unix_ns
    parts.flush()
    assert parts.oldest_unflushed_ns is None
    (third,) = numbered(1, 3, size_bytes=600)
    parts.write([third])  # the part before is finished first
    assert ages[1:] == [third.published_unix_ns]
    parts.close()
    assert (parts.is_open, parts.oldest_unflushed_ns) == (False, None)


def test_what_is_given_back_is_not_in_memory(tmp_path: Path) -> None:
    """It waits in the queue again, which reports its age."""
    parts = parts_of(tmp_path / "to" / "{part}.mcap", rotate_bytes=1)
    parts.open()
    every = numbered(2)
    (tmp_path / "to" / "1.mcap").touch()
    with pytest.raises(FileExistsError):
        parts.write(every)
    assert parts.oldest_unflushed_ns == every[1].published_unix_ns
    assert pairs(parts.abandon()) == pairs(every[1:])
    assert parts.oldest_unflushed_ns is None


def test_closing_without_a_file_does_nothing() -> None:
    """A recorder that never opened a file has nothing to finish."""
    parts: Parts = parts_of("never.mcap")
    parts.close()
    parts.flush()
    parts.sync()
    assert parts.abandon() == []
    assert parts.path is None


# The wall clock


def ticking(clock: FixedClock, count: int, first: int) -> list[Envelope]:
    """Envelopes a second apart, and the clock is where the last of them is."""
    made: list[Envelope] = []
    for number in range(first, first + count):
        clock.now_ns += 10**9
        made.append(envelope(number, unix_ns=clock.now_ns))
    return made


def on_clock(clock: FixedClock, path: Path, **settings: object) -> Parts:
    return Parts(settings_of(path, **settings), context_of(clock=clock), monotonic=Watch())


def wall_of(path: Path) -> WallTime:
    with Recording(path) as recording:
        return recording.wall_time()


@pytest.mark.parametrize("step_s", [-3600, 86_400])
def test_log_times_do_not_step_with_the_wall_clock(tmp_path: Path, step_s: int) -> None:
    """They are as far apart as the envelopes were; the file records where the clock was set."""
    clock = FixedClock(NOW_NS)
    parts = on_clock(clock, tmp_path / "a.mcap")
    parts.open()
    parts.write(ticking(clock, 3, 1))
    clock.now_ns += 10**8
    clock.set_ahead(step_s * 10**9)
    parts.write(ticking(clock, 3, 4))
    parts.close()
    seconds = [1.0, 2.0, 3.0, 4.1, 5.1, 6.1]
    times = [message.log_time for message in read(tmp_path / "a.mcap")]
    assert times == [NOW_NS + round(each * 1e9) for each in seconds]
    wall = wall_of(tmp_path / "a.mcap")
    shown = [*times[:3], *(each + step_s * 10**9 for each in times[3:])]
    assert [wall.unix_ns(each) for each in times] == shown
    (record,) = metadata(tmp_path / "a.mcap", "beats.clock")
    at_ns = NOW_NS + 3_100_000_000
    assert record == {
        "kind": "step",
        "log_unix_ns": str(at_ns),
        "before_unix_ns": str(at_ns),
        "after_unix_ns": str(at_ns + step_s * 10**9),
        "by_s": f"{step_s}.000000000",
    }


def test_each_part_begins_with_the_wall_clock_and_says_where_it_is_on_their_timeline(tmp_path: Path) -> None:
    """An initially wrong clock does not affect the log times of later parts."""
    clock = FixedClock(NOW_NS)
    parts = on_clock(clock, tmp_path / "{part}.mcap", rotate_bytes=1)
    every = ticking(clock, 2, 1)
    parts.open()
    parts.write(every[:1])
    clock.now_ns += 1
    clock.set_ahead(-3600 * 10**9)
    clock.now_ns -= 1
    parts.write([*every[1:], *ticking(clock, 1, 3)])
    parts.close()
    offsets = [
        int(metadata(tmp_path / f"{n}.mcap", "beats.recording")[0]["log_offset_ns"]) for n in (1, 2, 3)
    ]
    assert offsets == [0, -3600 * 10**9, -3600 * 10**9]
    times = [
        [message.log_time - offset for message in read(tmp_path / f"{n}.mcap") if not message.carried]
        for n, offset in zip((1, 2, 3), offsets, strict=True)
    ]
    assert times == [[NOW_NS + n * 10**9] for n in (1, 2, 3)]
    # The second envelope came before the clock was set, and into a file that was begun after that.
    wall = wall_of(tmp_path / "2.mcap")
    assert wall.unix_ns(NOW_NS + (2 - 3600) * 10**9) == NOW_NS + 2 * 10**9
    assert wall.unix_ns(NOW_NS + (2 - 3600) * 10**9 + 1) == NOW_NS + (2 - 3600) * 10**9 + 1


def test_a_step_is_on_disk_with_what_follows_it(tmp_path: Path) -> None:
    """A kill after that does not lose it."""
    clock = FixedClock(NOW_NS)
    with opened(on_clock(clock, tmp_path / "a.mcap")) as parts:
        parts.write(ticking(clock, 1, 1))
        clock.now_ns += 1
        clock.set_ahead(-(10**9))
        parts.write(ticking(clock, 1, 2))
        parts.flush()
        (jump,) = wall_of(tmp_path / "a.mcap.part").jumps
    assert jump == (NOW_NS + 10**9 + 1, NOW_NS + 10**9 + 1, NOW_NS + 1, False)


def test_a_recording_that_began_after_a_step_has_the_times_of_the_clock_as_it_was_set(tmp_path: Path) -> None:
    """For messages and losses alike; the step is not part of it."""
    clock = FixedClock(NOW_NS)
    clock.set_ahead(7)
    with opened(on_clock(clock, tmp_path / "a.mcap")) as parts:
        parts.write(ticking(clock, 1, 1), [Loss("drop_newest", "frame", 1, 10, 1, 1, NOW_NS, NOW_NS + 1)])
    assert [message.log_time for message in read(tmp_path / "a.mcap")] == [NOW_NS + 10**9 + 7]
    assert metadata(tmp_path / "a.mcap", "beats.clock") == []
    (record,) = metadata(tmp_path / "a.mcap", "beats.loss")
    loss = json.loads(record["topics"])["frame"]
    assert (loss["first_unix_ns"], loss["last_unix_ns"]) == (NOW_NS + 7, NOW_NS + 8)
