"""What recordings contain and lack, and how that is written as JSON."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.stats import Loss
from beats.recordings import info
from beats.recordings.format import TOTALS
from beats.recordings.info import ContentCounts, FileInfo, PlacedJump, Surveyor, TopicInfo, document
from beats.recordings.unfinished import UnfinishedRecording
from beats.recordings.walltime import ClockJump
from beats.recordings.writing import RecordingFile
from tests.recordings.support import ABOUT, BEGIN_NS, foreign, line, lines, record

WRITTEN = lines(60)
STATE = [line(Peripheral("knob", 1), 3, BEGIN_NS - 5)]


def missing(found: FileInfo) -> dict[str, int]:
    return {name: topic.missing for name, topic in found.counts.topics.items()}


def test_a_file_is_counted_by_topic(tmp_path: Path) -> None:
    """Messages, bytes, first and last numbers, missing numbers; repeated state separately."""
    knobs = [line(Peripheral("knob", index), number, BEGIN_NS) for index, number in enumerate((4, 5, 9))]
    path = record(tmp_path / "a.mcap", [*knobs, WRITTEN[50]], carried=STATE)
    found = Surveyor().survey(path)
    assert (found.error, found.state, found.about, found.totals) == (None, "whole", ABOUT, None)
    size = sum(len(each.encoded) for each in knobs)
    assert found.counts.topics["peripheral/knob"] == TopicInfo(3, size, 1, 4, 9, 3)
    assert set(found.counts.topics) == {"peripheral/knob", WRITTEN[50].topic}
    assert found.counts.first_unix_ns == BEGIN_NS
    assert found.counts.last_unix_ns == WRITTEN[50].log_unix_ns
    assert found.counts.duration_s == 0.5
    assert found.counts.size_bytes == path.stat().st_size


def test_what_the_recorder_noted_is_counted(tmp_path: Path) -> None:
    """Losses by reason and topic, its totals, and other notes by name."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    losses = [
        Loss("drop_oldest", "frame", 3, 900, 7, 9, 100, 200),
        Loss("drop_oldest", "peripheral/a", 1, 9, 1, 1, 50, 50),
        Loss("failed", "frame", 5, 900, 17, 29, 300, 400),
    ]
    file.add_losses(losses)
    file.add_losses(losses[:1])
    file.add_metadata("beats.loss", {"reason": "unreadable"})
    file.add_metadata("mine", {})
    file.add_metadata(TOTALS, {"recorded": "0"})
    found = Surveyor().survey(file.close())
    assert found.totals == {"recorded": "0"}
    assert found.notes == {"beats.loss": 1, "mine": 1}
    oldest = found.counts.losses["drop_oldest"]
    assert (oldest.first_unix_ns, oldest.last_unix_ns) == (50, 200)
    assert oldest.topics == {"frame": 6, "peripheral/a": 1}
    assert found.counts.losses["failed"].topics == {"frame": 5}
    assert found.counts.first_unix_ns is None


def test_losses_of_one_topic_between_two_flushes_are_added_up(tmp_path: Path) -> None:
    """However many times the recorder took losses before it wrote them."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    file.add_losses([Loss("encoder", "frame", 1, 0, 0, 0, at_ns, at_ns) for at_ns in (300, 100, 200)])
    file.add_losses([Loss("drop_oldest", "frame", 2, 9, *span) for span in ((7, 8, 1, 2), (4, 5, 3, 4))])
    surveyor = Surveyor()
    losses = surveyor.survey(file.close()).counts.losses
    assert {reason: loss.topics for reason, loss in losses.items()} == {
        "encoder": {"frame": 3},
        "drop_oldest": {"frame": 4},
    }
    assert (losses["encoder"].first_unix_ns, losses["encoder"].last_unix_ns) == (100, 300)


def test_several_files_are_added_up(tmp_path: Path) -> None:
    """Numbers may be missing between two parts of a recording, but not between two recordings."""
    first = record(tmp_path / "a.mcap", WRITTEN[:30])
    second = record(tmp_path / "b.mcap", WRITTEN[36:])
    other = record(tmp_path / "c.mcap", lines(3, first=500), about={**ABOUT, "recording": "other"})
    surveyor = Surveyor()
    infos = [surveyor.survey(path) for path in (first, second, other)]
    assert [sum(missing(each).values()) for each in infos] == [0, 6, 0]
    total = surveyor.total
    assert sum(topic.messages for topic in total.topics.values()) == 57
    assert sum(topic.missing for topic in total.topics.values()) == 6
    assert total.topics["frame"].first_sequence == 1
    assert total.size_bytes == sum(path.stat().st_size for path in (first, second, other))
    assert total.duration_s == pytest.approx(0.29 + 0.23 + 0.02)
    assert (total.first_unix_ns, total.last_unix_ns) == (BEGIN_NS, WRITTEN[-1].log_unix_ns)


def test_health_says_in_which_way_a_file_is_not_whole(tmp_path: Path) -> None:
    """Whole, ended by a failed write, cut off, damaged, or unreadable."""
    whole = record(tmp_path / "a.mcap", WRITTEN)
    data = whole.read_bytes()
    part = record(tmp_path / "b.mcap", WRITTEN, close=False)
    ended = UnfinishedRecording(tmp_path / "c.mcap")
    ended.write(part.read_bytes())
    ended.flush()
    assert ended.close_cut()
    endless = tmp_path / "f.mcap"
    endless.write_bytes(ended.path.read_bytes()[:-8])
    broken = tmp_path / "d.mcap"
    broken.write_bytes(data.replace(WRITTEN[7].encoded, bytes(len(WRITTEN[7].encoded))))
    text = tmp_path / "e.mcap"
    text.write_text("hello")
    surveyor = Surveyor()
    found = [surveyor.survey(path) for path in (whole, ended.path, part, endless, broken)]
    assert [each.state for each in found] == ["whole", "no_index", "cut", "cut", "damaged"]
    assert [each.counts.unreadable_bytes > 0 for each in found] == [False, False, False, False, True]
    assert missing(found[4]) == {"frame": 2, "peripheral/knob": 1, "peripheral/slider": 2}
    unreadable = surveyor.survey(text)
    assert unreadable.error is not None
    assert "e.mcap is not a recording" in unreadable.error
    assert surveyor.survey(tmp_path / "nowhere").error is not None


def test_the_list_of_damages_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Further damages are only counted."""
    monkeypatch.setattr(info, "MOST_DAMAGES", 2)
    path = record(tmp_path / "a.mcap", WRITTEN)
    data = bytearray(path.read_bytes())
    for index in range(0, 60, 10):
        data[data.index(WRITTEN[index].encoded)] ^= 1
    path.write_bytes(data)
    found = Surveyor().survey(path)
    assert (len(found.damages), found.damage_count, found.state) == (2, 6, "damaged")


def test_others_messages_are_counted_apart(tmp_path: Path) -> None:
    """Messages that are not envelopes have their own count."""
    found = Surveyor().survey(foreign(tmp_path / "a.mcap", WRITTEN))
    assert found.counts.foreign == 120
    assert sum(topic.messages for topic in found.counts.topics.values()) == 60
    assert found.notes == {"theirs": 1}


def test_the_most_frequent_topics_come_first() -> None:
    """Then by name, up to the given number."""
    topics = {"b": TopicInfo(2), "a": TopicInfo(2), "c": TopicInfo(5)}
    assert [name for name, _ in ContentCounts(topics=topics).most_frequent(2)] == ["c", "a"]


def test_a_step_of_the_clock_is_told_and_takes_no_time(tmp_path: Path) -> None:
    """Its place and size are reported; times are those of the wall clock, the duration is what passed."""
    middle_ns = WRITTEN[30].log_unix_ns
    back = ClockJump(middle_ns, middle_ns, middle_ns - 3600 * 10**9)
    before = ClockJump(BEGIN_NS - 1, BEGIN_NS - 1, BEGIN_NS - 1)
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    for jump in (before, back):
        file.add_jump(jump)
    for each in WRITTEN:
        file.append(each)
    file.add_losses([Loss("drop_oldest", "frame", 3, 900, 7, 9, middle_ns - 1, middle_ns)])
    found = Surveyor().survey(file.close())
    assert found.jumps == [PlacedJump(0.3, back)]
    assert not found.notes
    tally = found.counts
    assert (tally.first_unix_ns, tally.duration_s) == (BEGIN_NS, 0.59)
    assert tally.last_unix_ns == WRITTEN[-1].log_unix_ns - 3600 * 10**9
    loss = tally.losses["drop_oldest"]
    assert (loss.first_unix_ns, loss.last_unix_ns) == (middle_ns - 1, middle_ns - 3600 * 10**9)


def test_a_step_between_two_parts_is_told_of_the_second(tmp_path: Path) -> None:
    """It is between the state at the beginning of the part and its first message."""
    step = ClockJump(BEGIN_NS, BEGIN_NS, BEGIN_NS - 10**12)
    path = record(tmp_path / "a.mcap", WRITTEN, carried=STATE, jumps=[step])
    assert Surveyor().survey(path).jumps == [PlacedJump(0.0, step)]


def test_no_number_is_missing_between_two_recordings_in_one_file(tmp_path: Path) -> None:
    """A cut of two recordings contains two independent sequences."""
    joint = ClockJump(WRITTEN[30].log_unix_ns, WRITTEN[30].log_unix_ns, BEGIN_NS + 10**15, is_joint=True)
    other = lines(30, begin_ns=WRITTEN[30].log_unix_ns, first=500)
    path = record(tmp_path / "a.mcap", [*WRITTEN[:30], *other], jumps=[joint])
    found = Surveyor().survey(path)
    assert set(missing(found).values()) == {0}
    assert [placed.jump.is_joint for placed in found.jumps] == [True]


def test_the_forms_of_pictures_are_counted(tmp_path: Path) -> None:
    """As frames state them, or as their data do; what tells neither is left out."""
    jpeg = Frame(b"\xff\xd8\xff never opened", "cam", "image/jpeg", 640, 480)
    frames = [jpeg, jpeg._replace(width=320, height=240), jpeg, Frame(b"\x89PNG\r\n\x1a\n", "cam")]
    path = record(tmp_path / "a.mcap", [line(each, at, BEGIN_NS + at) for at, each in enumerate(frames, 1)])
    found = Surveyor().survey(path).counts.topics["frame/cam"]
    assert found.pictures == {("image/jpeg", 640, 480): 2, ("image/jpeg", 320, 240): 1}


def keys(value: object) -> Iterator[str]:
    """All keys of a document, but those that are names of topics or of the recorder's own."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield key
            if key not in ("recording", "totals", "notes") and not (
                key == "topics" and isinstance(inner, dict)
            ):
                yield from keys(inner)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            yield from keys(each)


def test_everything_is_in_the_document(tmp_path: Path) -> None:
    """One entry for each file, and their sum; keys contain units."""
    file = RecordingFile(tmp_path / "a.mcap", ABOUT, "none")
    for each in lines(30):
        file.append(each)
    file.add_losses([Loss("drop_oldest", "frame", 3, 900, 7, 9, 100, 200)])
    path = file.close()
    path.write_bytes(path.read_bytes()[:-20])
    surveyor = Surveyor()
    made = document([surveyor.survey(path), surveyor.survey(tmp_path / "nowhere")], surveyor.total)
    assert json.loads(json.dumps(made)) == made
    assert all(re.fullmatch(r"[a-z0-9_]+", key) for key in keys(made))
    first, second = cast("list[dict[str, object]]", made["files"])
    assert first["path"] == str(path)
    assert first["recording"] == ABOUT
    assert (first["messages"], first["missing_sequences"], first["foreign_messages"]) == (30, 0, 0)
    assert (first["first_unix_ns"], first["duration_s"]) == (BEGIN_NS, 0.29)
    loss = {"reason": "drop_oldest", "envelopes": 3, "first_unix_ns": 100, "last_unix_ns": 200}
    assert first["losses"] == [{**loss, "topics": {"frame": 3}}]
    topics = cast("list[dict[str, object]]", first["topics"])
    assert topics[0]["pictures"] == [{"media_type": "image/png", "width": 1, "height": 1, "messages": 10}]
    assert [topic["topic"] for topic in topics] == ["frame", "peripheral/knob", "peripheral/slider"]
    assert topics[0]["mean_rate_hz"] == 10 / 0.29
    health = cast("dict[str, object]", first["health"])
    assert (health["state"], health["has_index"], health["damage_count"]) == ("cut", False, 1)
    (damage,) = cast("list[dict[str, object]]", health["damages"])
    assert (damage["at_end"], damage["index_only"]) == (True, True)
    assert damage["offset_bytes"] == path.stat().st_size - cast("int", damage["size_bytes"])
    assert "nowhere" in str(second["error"])
    assert cast("dict[str, object]", second["health"])["state"] == "unreadable"
    total = cast("dict[str, object]", made["total"])
    assert (total["files"], total["unreadable_files"], total["messages"]) == (2, 1, 30)


def test_steps_of_the_clock_are_in_the_document(tmp_path: Path) -> None:
    """Beginnings of other recordings are listed separately."""
    step = ClockJump(BEGIN_NS + 10**8, BEGIN_NS + 10**8, BEGIN_NS - 10**9)
    joint = ClockJump(BEGIN_NS + 2 * 10**8, BEGIN_NS, BEGIN_NS + 10**15, is_joint=True)
    surveyor = Surveyor()
    info = surveyor.survey(record(tmp_path / "a.mcap", lines(30), jumps=[step, joint]))
    (file,) = cast("list[dict[str, object]]", document([info], surveyor.total)["files"])
    clock = {"before_unix_ns": step.before_unix_ns, "after_unix_ns": step.after_unix_ns}
    assert file["clock_steps"] == [{"position_s": 0.1, "by_s": -1.1, **clock}]
    assert [each["position_s"] for each in cast("list[dict[str, object]]", file["joints"])] == [0.2]
