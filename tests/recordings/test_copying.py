"""Recordings made from recordings."""

import json
import os
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from mcap.reader import NonSeekingReader, make_reader

from beats.kernel.envelope import Peripheral
from beats.kernel.errors import InputError
from beats.kernel.stats import Loss
from beats.recordings.copying import CUT, RECOVERED, CutTimes, cut, is_sound, recover
from beats.recordings.files import Piece
from beats.recordings.format import FILE, LOG_OFFSET, LOSS, RECORDING, TOTALS, read_loss
from beats.recordings.info import Surveyor
from beats.recordings.reading import Recording
from beats.recordings.scan import Times
from beats.recordings.selection import Selection
from beats.recordings.walltime import ClockJump, WallTime
from beats.recordings.writing import RecordingFile
from tests.recordings.support import (
    ABOUT,
    BEGIN_NS,
    STEP_NS,
    foreign,
    line,
    lines,
    messages,
    read,
    read_back,
    record,
    silent,
)

WRITTEN = lines(60)
STATE = [line(Peripheral("lamp", 1), 3, BEGIN_NS - 5)]


def strict(path: Path) -> int:
    """How many messages the library's strict readers find, which must agree."""
    data = path.read_bytes()
    readers = make_reader(BytesIO(data), validate_crcs=True), NonSeekingReader(BytesIO(data), True)
    counts = [sum(1 for _ in reader.iter_messages(log_time_order=False)) for reader in readers]
    assert counts[0] == counts[1]
    return counts[0]


def notes(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(note.name, dict(note.content)) for note in read(path)[2]]


def sample(path: Path) -> Path:
    """A recording with state, a loss in its middle, and totals."""
    file = RecordingFile(path, ABOUT, "zstd", carried=STATE)
    for index, each in enumerate(WRITTEN):
        file.append(each)
        if index % 5 == 4:
            file.flush()
        if index == 29:
            at_ns = each.log_unix_ns
            file.add_losses([Loss("drop_oldest", "frame", 3, 900, 7, 9, at_ns, at_ns + 5)])
    file.flush()
    file.add_metadata(TOTALS, {"recorded": "60"})
    return file.close()


def test_a_whole_file_is_sound(tmp_path: Path) -> None:
    """A file without an index, or with a wrong byte, is not."""
    path = sample(tmp_path / "a.mcap")
    told: list[int] = []
    assert is_sound(path, told.append)
    assert told == sorted(told)
    data = bytearray(path.read_bytes())
    broken = tmp_path / "b.mcap"
    broken.write_bytes(data[:-9])
    assert not is_sound(broken, told.append)
    data[1000] ^= 1
    broken.write_bytes(data)
    assert not is_sound(broken, told.append)


def test_what_is_whole_is_recovered(tmp_path: Path) -> None:
    """Marks, notes and compression are kept; losses are recorded in the new file and returned."""
    source = sample(tmp_path / "a.mcap")
    data = bytearray(source.read_bytes())
    with Recording(source) as recording:
        chunk = recording.chunks()[3]
    data[chunk.offset + 60] ^= 1
    source.write_bytes(data)
    found = recover(source, tmp_path / "out.mcap", silent)
    expected = [read_back(STATE[0], carried=True)]
    expected += [read_back(each) for each in (*WRITTEN[:10], *WRITTEN[15:])]
    assert messages(tmp_path / "out.mcap") == expected
    assert strict(tmp_path / "out.mcap") == 56
    missing = {"frame": 1, "peripheral/knob": 2, "peripheral/slider": 2}
    assert (found.messages, found.missing, found.foreign) == (55, missing, 0)
    assert found.unreadable_bytes == found.damages[0].size_bytes > 0
    (name, said) = notes(tmp_path / "out.mcap")[-1]
    assert name == RECOVERED
    assert (said["from"], said["missing_envelopes"]) == ("a.mcap", "5")
    assert json.loads(said["missing_by_topic"]) == missing
    assert json.loads(said["stretches"])[0]["offset_bytes"] == chunk.offset
    derived = (RECORDING, {**ABOUT, "derived": "recovered"})
    assert notes(tmp_path / "out.mcap")[:-1] == [derived, *notes(source)[1:]]
    with Recording(tmp_path / "out.mcap") as recording:
        assert recording.compression() == "zstd"
        assert recording.about() == derived[1]
    assert source.read_bytes() == bytes(data)
    assert is_sound(tmp_path / "out.mcap", silent)


def test_anything_that_was_cut_can_be_recovered(tmp_path: Path) -> None:
    """Wherever the file was cut, the result is whole, or there is none because nothing is left."""
    data = sample(tmp_path / "a.mcap").read_bytes()
    source, target = tmp_path / "cut.mcap", tmp_path / "out.mcap"
    for size in [*random.Random(3).sample(range(len(data)), 40), 0, 8, 100]:
        source.write_bytes(data[:size])
        left = messages(source)
        if any(not message.carried for message in left):
            recover(source, target, silent)
            assert messages(target) == left
            assert strict(target) == len(left)
            target.unlink()
        else:
            with pytest.raises(InputError, match="nothing in"):
                recover(source, target, silent)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "cut.mcap"]


def test_a_file_name_may_be_any_bytes(tmp_path: Path) -> None:
    """What is not UTF-8 in it is escaped in the metadata of the new file."""
    source = sample(tmp_path / os.fsdecode(b"bad\xff.mcap"))
    recover(source, tmp_path / "whole.mcap", lambda _: None)
    [content] = [content for name, content in notes(tmp_path / "whole.mcap") if name == RECOVERED]
    assert "bad\\xff.mcap" in content.values()


def test_envelopes_are_recovered_from_others_files(tmp_path: Path) -> None:
    """Messages that are not envelopes are left out, and counted."""
    source = foreign(tmp_path / "a.mcap", WRITTEN, chunked=False)
    found = recover(source, tmp_path / "out.mcap", silent)
    assert messages(tmp_path / "out.mcap") == [read_back(each) for each in WRITTEN]
    assert (found.foreign, found.unreadable_bytes) == (120, 0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """An existing file is left, and nothing is left beside it."""
    source = sample(tmp_path / "a.mcap")
    target = tmp_path / "out.mcap"
    target.write_text("mine")
    with pytest.raises(FileExistsError, match=r"out\.mcap"):
        recover(source, target, silent)
    with pytest.raises(FileExistsError, match=r"out\.mcap"):
        cut(Selection([source]), target, silent)
    with pytest.raises(FileExistsError, match=r"a\.mcap"):
        recover(source, source, silent)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "out.mcap"]


def test_a_cut_begins_with_the_state_at_its_beginning(tmp_path: Path) -> None:
    """The latest earlier message of each topic, marked and dated at the beginning; then the range."""
    source = sample(tmp_path / "a.mcap")
    target = tmp_path / "out.mcap"
    with Recording(source) as recording:
        times = recording.times()
    assert times is not None
    start_ns = BEGIN_NS + 20 * STEP_NS
    start_s, end_s = (start_ns - times.first_ns) / 1e9, (start_ns + 10 * STEP_NS - times.first_ns) / 1e9
    told: list[float] = []
    selection = Selection([source], start=f"{start_s:.9f}", end=f"{end_s:.9f}")
    found = cut(selection, target, told.append)
    assert (found.messages, found.carried, found.damages) == (10, 4, [])
    assert told == sorted(told)
    state = [read_back(each, carried=True) for each in (STATE[0], *WRITTEN[17:20])]
    in_range = [read_back(each) for each in WRITTEN[20:30]]
    assert messages(target) == [*(each._replace(log_unix_ns=start_ns) for each in state), *in_range]
    assert strict(target) == 14
    with Recording(target) as recording:
        assert recording.times() == (start_ns, WRITTEN[29].log_unix_ns)
    said = dict(notes(target))
    assert list(said) == [RECORDING, LOSS, CUT]
    own = {key: value for key, value in ABOUT.items() if key not in ("recording", "part")}
    assert said[RECORDING] == {**own, "derived": "cut"}
    assert said[CUT]["recording"] == ABOUT["recording"]
    assert json.loads(said[CUT]["from"]) == ["a.mcap"]
    assert said[CUT]["start"] == "2023-11-14T22:13:20.200000+00:00"


def test_a_cut_of_all_is_all(tmp_path: Path) -> None:
    """Without a start and an end it contains the whole recording, with its marks."""
    source = sample(tmp_path / "a.mcap")
    cut(Selection([source]), tmp_path / "out.mcap", silent)
    assert messages(tmp_path / "out.mcap") == messages(source)


def test_a_cut_holds_only_the_topics_that_are_wanted(tmp_path: Path) -> None:
    """This applies to the state, too."""
    source = sample(tmp_path / "a.mcap")
    cut(Selection([source], start="0.3", topics=["peripheral/[kl]*"]), tmp_path / "out.mcap", silent)
    found = messages(tmp_path / "out.mcap")
    assert {message.topic for message in found if message.carried} == {"peripheral/knob", "peripheral/lamp"}
    assert {message.topic for message in found if not message.carried} == {"peripheral/knob"}


def test_a_cut_goes_over_the_border_of_two_parts(tmp_path: Path) -> None:
    """The state that the second part repeats is not written again."""
    folder = tmp_path / "parts"
    record(folder / "a.mcap", WRITTEN[:30])
    known = WRITTEN[28]._replace(log_unix_ns=WRITTEN[29].log_unix_ns)
    record(folder / "b.mcap", WRITTEN[30:], carried=[known])
    cut(Selection([folder], start="0.25", end="0.35"), tmp_path / "out.mcap", silent)
    found = messages(tmp_path / "out.mcap")
    assert [message for message in found if not message.carried] == [read_back(e) for e in WRITTEN[25:35]]
    assert sum(message.carried for message in found) == 3
    assert json.loads(dict(notes(tmp_path / "out.mcap"))[CUT]["from"]) == ["a.mcap", "b.mcap"]


def test_losses_outside_of_the_range_are_left_out(tmp_path: Path) -> None:
    """They are not losses of the new file."""
    source = sample(tmp_path / "a.mcap")
    cut(Selection([source], start="0.4"), tmp_path / "out.mcap", silent)
    assert LOSS not in dict(notes(tmp_path / "out.mcap"))


@pytest.mark.parametrize(("start", "topics"), [("100", []), ("0", ["nobody"])])
def test_an_empty_range_makes_no_file(tmp_path: Path, start: str, topics: list[str]) -> None:
    """Neither a range beyond the end nor unknown topics create one."""
    source = sample(tmp_path / "a.mcap")
    with pytest.raises(InputError, match="nothing to cut out"):
        cut(Selection([source], start=start, topics=topics), tmp_path / "out.mcap", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


def test_an_interrupted_copy_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C removes the incomplete file, which frees its name for the next attempt."""
    source = sample(tmp_path / "a.mcap")

    def interrupt(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recover(source, tmp_path / "out.mcap", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cut(Selection([source]), tmp_path / "out.mcap", interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


PART = {**ABOUT, FILE: "a.mcap", LOG_OFFSET: "0"}


def test_what_is_made_of_a_recording_says_so(tmp_path: Path) -> None:
    """It must not pass for the recorder's own file."""
    source = record(tmp_path / "a.mcap", WRITTEN, about=PART)
    recover(source, tmp_path / "b.mcap", silent)
    cut(Selection([source]), tmp_path / "c.mcap", silent)
    said = [dict(notes(tmp_path / f"{name}.mcap"))[RECORDING] for name in "bc"]
    assert said == [
        {**ABOUT, LOG_OFFSET: "0", "derived": "recovered"},
        {"version": "1", "profile": "studio", "sink": "file", "derived": "cut"},
    ]


@pytest.mark.parametrize("by_s", [-3600, 86_400])
def test_a_step_of_the_clock_is_copied_with_its_messages(tmp_path: Path, by_s: int) -> None:
    """A recovered file has the log times of its source; a range begins with the wall clock's time there."""
    middle_ns = WRITTEN[30].log_unix_ns
    step = ClockJump(middle_ns, middle_ns, middle_ns + by_s * 10**9)
    source = record(tmp_path / "a.mcap", WRITTEN, about=PART, jumps=[step])
    recover(source, tmp_path / "b.mcap", silent)
    cut(Selection([source], start="0.2", end="0.4"), tmp_path / "c.mcap", silent)
    cut(Selection([source], start="0.35", end="0.4"), tmp_path / "d.mcap", silent)
    assert [wall(tmp_path / f"{name}.mcap").jumps for name in "bcd"] == [(step,), (step,), ()]
    shown = [each.log_unix_ns + (by_s * 10**9 if index >= 30 else 0) for index, each in enumerate(WRITTEN)]
    for name, begin, end in (("b", 0, 60), ("c", 20, 40), ("d", 35, 40)):
        path = tmp_path / f"{name}.mcap"
        found = [message for message in messages(path) if not message.carried]
        assert [wall(path).unix_ns(message.log_unix_ns) for message in found] == shown[begin:end]
        assert found[-1].log_unix_ns - found[0].log_unix_ns == (end - begin - 1) * STEP_NS


def wall(path: Path) -> WallTime:
    with Recording(path) as recording:
        return recording.wall_time()


def test_a_cut_of_two_recordings_has_a_second_between_them(tmp_path: Path) -> None:
    """Between them there is one second, as on the timeline; the wall clock's times are kept."""
    day_ns = 86_400 * 10**9
    late = lines(30, begin_ns=BEGIN_NS + day_ns, first=500)
    record(tmp_path / "r" / "a.mcap", WRITTEN, about=PART)
    record(tmp_path / "r" / "b.mcap", late, about={**PART, "recording": "other"})
    cut(Selection([tmp_path / "r"]), tmp_path / "all.mcap", silent)
    found = messages(tmp_path / "all.mcap")
    assert [message.encoded for message in found] == [each.encoded for each in (*WRITTEN, *late)]
    spans = [each.log_unix_ns - BEGIN_NS for each in found]
    assert spans[60] - spans[59] == 10**9
    assert [wall(tmp_path / "all.mcap").unix_ns(message.log_unix_ns) for message in found[60:]] == [
        each.log_unix_ns for each in late
    ]
    assert strict(tmp_path / "all.mcap") == 90
    info = Surveyor().survey(tmp_path / "all.mcap")
    assert sum(topic.missing for topic in info.counts.topics.values()) == 0


def test_losses_move_with_the_messages_around_them(tmp_path: Path) -> None:
    """They are on the timeline of their file."""
    day_ns = 86_400 * 10**9
    record(tmp_path / "r" / "a.mcap", WRITTEN, about=PART)
    file = RecordingFile(tmp_path / "r" / "b.mcap", {**PART, "recording": "other"}, "none", ahead_ns=day_ns)
    for each in WRITTEN:
        file.append(each)
    at_ns = WRITTEN[-1].log_unix_ns
    file.add_losses([Loss("drop_oldest", "frame", 3, 900, 7, 9, at_ns, at_ns)])
    file.close()
    cut(Selection([tmp_path / "r"]), tmp_path / "all.mcap", silent)
    loss = read_loss(dict(notes(tmp_path / "all.mcap"))[LOSS])
    assert loss is not None
    assert loss.last_unix_ns == messages(tmp_path / "all.mcap")[-1].log_unix_ns


@pytest.mark.parametrize("number", [1, 2])
def test_a_cut_lacks_only_the_messages_of_a_removed_file(tmp_path: Path, number: int) -> None:
    """A recorder may delete it during the cut."""
    record(tmp_path / "r" / "1.mcap", WRITTEN[:30], about=PART)
    record(tmp_path / "r" / "2.mcap", WRITTEN[30:], about={**PART, "part": "2"})
    selection = Selection([tmp_path / "r"])
    gone = tmp_path / "r" / f"{number}.mcap"
    gone.unlink()
    found = cut(selection, tmp_path / "out.mcap", silent)
    assert found.messages == 30
    assert [(path, damage.why) for path, damage in found.damages] == [
        (gone, "cannot be read: No such file or directory")
    ]


SECOND_NS = 10**9


def piece(
    name: str, first_s: int, last_s: int, begins_s: float, *jumps: ClockJump, continues: bool = False
) -> Piece:
    times = Times(first_s * SECOND_NS, last_s * SECOND_NS)
    return Piece(Path(name), times, begins_s, continues, WallTime(jumps))


def test_parts_with_their_own_log_times_are_one() -> None:
    """Each part begins with the wall clock's time; a difference is a step of the clock."""
    step = ClockJump(1005 * SECOND_NS, 1005 * SECOND_NS, 505 * SECOND_NS)
    first, second = piece("a", 1000, 1010, 0.0, step), piece("b", 511, 520, 11.0, continues=True)
    times = CutTimes([first, second], 0.0)
    assert 511 * SECOND_NS + times.by_ns(second) == 1011 * SECOND_NS
    assert list(times.jumps()) == [step]  # the wall clock went on from there
    first = piece("a", 1000, 1010, 0.0)
    at_ns = 1011 * SECOND_NS
    assert list(CutTimes([first, second], 0.0).jumps()) == [ClockJump(at_ns, at_ns, 511 * SECOND_NS)]
