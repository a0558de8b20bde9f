"""Chosen messages of recordings, as one stream."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beats.kernel.envelope import Peripheral
from beats.kernel.errors import InputError
from beats.recordings.content import Batch, Note
from beats.recordings.copying import cut, recover
from beats.recordings.format import RecordedMessage
from beats.recordings.reading import Recording
from beats.recordings.scan import Damage
from beats.recordings.selection import Selection
from beats.recordings.walltime import ClockJump
from tests.kernel.support import EXPLORE
from tests.recordings.support import ABOUT, BEGIN_NS, line, lines, read_back, record, silent

WRITTEN = lines(60)
STATE = [line(Peripheral("knob", 27), 10, WRITTEN[29].log_unix_ns)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording in two parts, of which the second repeats a knob."""
    made = tmp_path_factory.mktemp("parts")
    record(made / "a.mcap", WRITTEN[:30])
    record(made / "b.mcap", WRITTEN[30:], carried=STATE)
    return made


def chosen(selection: Selection, position_s: float = 0.0) -> list[RecordedMessage]:
    """All messages from a place on, but repeated ones."""
    found = [each for batch in selection.batches(position_s, no_damage) for each in batch]
    assert [each.position_s for each in found] == pytest.approx(
        [each.piece.position_s(each.message.log_unix_ns) for each in found]
    )
    return [each.message for each in found if not each.repeated]


def no_damage(path: Path, damage: Damage) -> None:
    raise AssertionError(damage)


def test_parts_are_one_stream(folder: Path) -> None:
    """Every message comes once; the state that a later part repeats is marked."""
    selection = Selection([folder])
    assert chosen(selection) == [read_back(each) for each in WRITTEN]
    repeated = [each for batch in selection.batches(0.0, no_damage) for each in batch if each.repeated]
    assert [each.message for each in repeated] == [read_back(STATE[0], carried=True)]
    assert selection.duration_s == pytest.approx(0.59)
    assert selection.end_s == selection.duration_s


def test_a_later_part_alone_begins_with_its_state(folder: Path) -> None:
    """A later part alone begins with the state at that time."""
    selection = Selection([folder / "b.mcap"])
    assert chosen(selection)[0] == read_back(STATE[0], carried=True)


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"topics": ["frame"]}, {"frame"}),
        ({"topics": ["peripheral/*"]}, {"peripheral/knob", "peripheral/slider"}),
        ({"topics": ["frame", "*/kn?b"]}, {"frame", "peripheral/knob"}),
        ({"topics": ["[invalid"]}, set[str]()),
        ({"kinds": ["frame"]}, {"frame"}),
        ({"kinds": ["peripheral"]}, {"peripheral/knob", "peripheral/slider"}),
    ],
)
def test_topics_are_chosen_by_pattern_and_kind(
    folder: Path, choice: dict[str, Any], wanted: set[str]
) -> None:
    """Shell patterns, of which one must match."""
    assert {message.topic for message in chosen(Selection([folder], **choice))} == wanted


@EXPLORE
@given(st.integers(0, 700), st.integers(1, 700))
def test_ranges_that_follow_one_another_hold_everything_once(folder: Path, start: int, length: int) -> None:
    """The end of one range is the beginning of the next: no message is missing or doubled."""
    first, second = start / 1000, (start + length) / 1000
    parts = [
        chosen(Selection([folder], end=str(first))) if start else [],
        chosen(Selection([folder], start=str(first), end=str(second))),
        chosen(Selection([folder], start=str(second))),
    ]
    assert [*parts[0], *parts[1], *parts[2]] == [read_back(each) for each in WRITTEN]
    assert chosen(Selection([folder]), first) == parts[1] + parts[2]


def test_the_state_before_a_place_is_the_latest_of_each_topic(folder: Path) -> None:
    """None of its messages follows the place."""
    selection = Selection([folder], topics=["peripheral/*"])
    state = selection.state_before(0.10, 10**9)
    assert state == [read_back(WRITTEN[index]) for index in (7, 8)]
    assert chosen(selection, 0.10)[0] == read_back(WRITTEN[10])
    assert selection.state_before(0.0, 10**9) == []
    state = selection.state_before(0.305, 10**9)
    assert [(message.topic, message.carried) for message in state] == [("peripheral/knob", True)]


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    """Messages are found by time wherever they are in the file, and so is the state before a time."""
    early = lines(10, begin_ns=BEGIN_NS - 3600 * 10**9)
    path = record(tmp_path / "a.mcap", [*WRITTEN[:20], *early, *WRITTEN[20:]])
    selection = Selection([path])
    assert chosen(selection) == [read_back(each) for each in (*WRITTEN[:20], *early, *WRITTEN[20:])]
    assert [each.log_unix_ns for each in chosen(Selection([path], end="1"))] == [
        each.log_unix_ns for each in early
    ]
    assert len(chosen(Selection([path], start="3600"))) == 60


def test_what_selects_nothing_is_refused(folder: Path, tmp_path: Path) -> None:
    """No messages at all, an end that is not after the start, an invalid moment."""
    record(tmp_path / "a.mcap", [])
    with pytest.raises(InputError, match="hold no messages"):
        Selection([tmp_path])
    with pytest.raises(ValueError, match=r"end \(1\) is not after start \(1\)"):
        Selection([folder], start="1", end="1")
    with pytest.raises(ValueError, match="'x' is not a moment"):
        Selection([folder], start="x")
    assert chosen(Selection([folder], start="100")) == []


def test_a_step_of_the_clock_takes_no_time_in_a_range(tmp_path: Path) -> None:
    """A range has the requested length, and each message has its time by the wall clock."""
    back = ClockJump(WRITTEN[30].log_unix_ns, WRITTEN[30].log_unix_ns, BEGIN_NS - 3600 * 10**9)
    path = record(tmp_path / "a.mcap", WRITTEN, jumps=[back])
    selection = Selection([path], start="0.25", end="0.35")
    assert chosen(selection, 0.25) == [read_back(each) for each in WRITTEN[25:35]]
    found = [each for batch in selection.batches(0.3, no_damage) for each in batch]
    assert {each.unix_ns - each.message.log_unix_ns for each in found} == {back.by_ns}


def told(into: list[str]) -> Callable[[Path, Damage], object]:
    return lambda path, damage: into.append(f"{path.name}: {damage.why}")


def test_a_file_that_has_gone_since_is_told_and_the_rest_read(tmp_path: Path) -> None:
    """A file may have been deleted, or its disk unplugged."""
    first = record(tmp_path / "a.mcap", WRITTEN[:30])
    record(tmp_path / "b.mcap", WRITTEN[30:])
    selection = Selection([tmp_path])
    first.unlink()
    why: list[str] = []
    found = [each for batch in selection.batches(0.0, told(why)) for each in batch]
    assert [each.message for each in found] == [read_back(each) for each in WRITTEN[30:]]
    assert why == ["a.mcap: cannot be read: No such file or directory"]
    assert selection.is_broken_between(None, found[0])
    assert not selection.is_broken_between(found[0], None)
    assert selection.state_before(0.1, 10**9) == []


def test_a_file_that_was_finished_since_is_read_by_its_own_name(tmp_path: Path) -> None:
    """It no longer has the `.part` that it had while it was written."""
    part = record(tmp_path / "a.mcap", WRITTEN, close=False)
    selection = Selection([tmp_path])
    recover(part, tmp_path / "finished", silent)
    part.unlink()
    (tmp_path / "finished").rename(tmp_path / "a.mcap")
    assert chosen(selection) == [read_back(each) for each in WRITTEN]
    assert selection.state_before(0.1, 10**9) != []


def test_a_disk_that_fails_costs_the_rest_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages before that, and the files after it, are read."""
    record(tmp_path / "a.mcap", WRITTEN[:30])
    record(tmp_path / "b.mcap", WRITTEN[30:])
    selection = Selection([tmp_path])
    items = Recording.items

    def failing(recording: Recording, *times: int | None) -> Iterator[Batch | Note | Damage]:
        for count, item in enumerate(items(recording, *times)):
            if recording.path.name == "a.mcap" and count == 3:
                raise OSError(5, "Input/output error")
            yield item

    monkeypatch.setattr(Recording, "items", failing)
    why: list[str] = []
    found = [each.message for batch in selection.batches(0.0, told(why)) for each in batch]
    assert found == [read_back(each) for each in (*WRITTEN[:10], *WRITTEN[30:])]
    assert why == ["a.mcap: it cannot be read further: Input/output error"]


def test_what_is_passed_over_is_said(tmp_path: Path) -> None:
    """A file of a folder that cannot be read; if there is no other, it is the reason of the error."""
    path = record(tmp_path / "b.mcap", WRITTEN)
    (tmp_path / "a.mcap").write_text("hello")
    selection = Selection([tmp_path])
    assert chosen(selection) == [read_back(each) for each in WRITTEN]
    assert len(selection.skipped) == 1
    path.unlink()
    with pytest.raises(InputError, match=r"nothing to read: .*a\.mcap is not a recording"):
        Selection([tmp_path])


def test_where_another_recording_begins_is_known(tmp_path: Path) -> None:
    """Between files of different recordings, and within a cut of several."""
    record(tmp_path / "a.mcap", WRITTEN[:5])
    record(tmp_path / "b.mcap", WRITTEN[5:10], about={**ABOUT, "part": "2"})
    record(tmp_path / "c.mcap", lines(5, first=900), about={**ABOUT, "recording": "other"})
    begins = [0, *([False] * 4), False, *([False] * 4), True, *([False] * 4)]
    assert joints(Selection([tmp_path])) == begins[1:]
    cut(Selection([tmp_path]), tmp_path / "all" / "cut.mcap", silent)
    assert joints(Selection([tmp_path / "all"])) == begins[1:]


def joints(selection: Selection) -> list[bool]:
    """Of each message but the first, whether another recording begins with it."""
    found = [each for batch in selection.batches(0.0, no_damage) for each in batch]
    return [each.begins_recording(before) for before, each in pairwise(found)]
