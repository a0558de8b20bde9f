"""Replays of recordings on their own timeline."""

from dataclasses import astuple
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.sources.replay.source import ReplaySource
from beats.kernel.envelope import Frame, OpaquePayload, Peripheral
from beats.kernel.errors import InputError
from beats.proto.streaming_pb2 import PROTOBUF, StreamEnvelope
from beats.recordings.format import RecordedMessage
from tests.adapters.sources.replay.recordings import (
    FRAME_S,
    Playing,
    at,
    frame,
    knob,
    on_air,
    pairs,
    played,
    recorded,
    settings,
    settled,
    show,
    shown_at,
)
from tests.adapters.sources.support import context, inline
from tests.recordings.support import ABOUT, BEGIN_NS, line, record
from tests.support import picture

pytestmark = pytest.mark.anyio


async def test_the_first_pass_is_bit_for_bit_and_at_its_times(tmp_path: Path) -> None:
    """Bytes, topics, numbers, capture times and intervals are the recorded ones."""
    written = show()
    playing = await played(record(tmp_path / "a.mcap", written))
    assert [sealed.encoded for sealed in playing.sealed] == [each.encoded for each in written]
    assert [sealed.captured_unix_ns for sealed in playing.sealed] == [
        each.captured_unix_ns for each in written
    ]
    assert playing.shown == pairs(written)
    assert not any(renumber for _, renumber in playing.publish.forwarded)
    assert playing.publish.times_s == [shown_at(index * FRAME_S / 2) for index in range(20)]


async def test_pictures_keep_their_ids_and_formats(tmp_path: Path) -> None:
    """Topics choose among them; each is a frame for steps and seeks."""
    camera = Frame(picture("jpeg", 6, 4), "cam-1", "image/jpeg", 6, 4)
    written = [line(camera, 1, BEGIN_NS), frame(1, 0.1), line(camera._replace(id=""), 2, BEGIN_NS + 10**9)]
    path = record(tmp_path / "a.mcap", written)
    playing = await played(path)
    assert [sealed.encoded for sealed in playing.sealed] == [each.encoded for each in written]
    assert [sealed.message for sealed in playing.sealed][::2] == [camera, camera._replace(id="")]
    chosen = await played(path, topics=("frame/*",), kinds=("frame",))
    assert [sealed.topic for sealed in chosen.sealed] == ["frame/cam-1"]


@pytest.mark.parametrize("speed", [2.0, 0.1, 100, "max"])
async def test_speed_divides_all_times(tmp_path: Path, speed: float | str) -> None:
    """At twice the speed everything comes in half the time from the beginning; with max, at once."""
    playing = await played(recorded(tmp_path), speed=speed)
    factor = float("inf") if speed == "max" else float(speed)
    assert playing.shown == pairs(show())
    assert playing.publish.times_s == [shown_at(index * FRAME_S / 2 / factor) for index in range(20)]
    assert playing.playback.speed == factor


async def test_a_slow_sink_does_not_shift_what_follows(tmp_path: Path) -> None:
    """A delay is caught up, since every time is computed from one anchor."""
    async with on_air(recorded(tmp_path)) as playing:
        playing.publish.delays_s = {2: 0.33}
        await playing.ended.wait()
    assert playing.publish.times_s[-1] == shown_at(19 * FRAME_S / 2)
    assert playing.shown == pairs(show())


async def test_a_loop_begins_again_and_is_numbered_on(tmp_path: Path) -> None:
    """After the end it starts again at once; from then on envelopes are renumbered."""
    async with on_air(recorded(tmp_path, 2), loop=True) as playing:
        await playing.publish.frames(6)
    assert playing.frames == [1, 2, 1, 2, 1, 2]
    assert [renumber for _, renumber in playing.publish.forwarded] == [False] * 4 + [True] * 7
    assert playing.publish.times_s[:5] == [0.0, *(shown_at(t) for t in (0.05, 0.1, 0.15)), shown_at(0.15)]
    assert playing.playback.loops == 2


async def test_a_recording_of_one_picture_loops_at_a_bounded_rate(tmp_path: Path) -> None:
    """A recording of one picture does not flood the stream."""
    async with on_air(record(tmp_path / "a.mcap", [frame(1, 0)]), loop=True) as playing:
        await anyio.sleep(1.0)
    assert 10 <= len(playing.frames) <= 11


def parts(folder: Path) -> list[Path]:
    """A recording in two parts, the second of which begins with the state."""
    whole = show(4)
    carried = [each._replace(log_unix_ns=whole[3].log_unix_ns) for each in whole[2:4]]
    return [
        record(folder / "a-001.mcap", whole[:4], about={**ABOUT, "part": "1"}),
        record(folder / "a-002.mcap", whole[4:], carried=carried, about={**ABOUT, "part": "2"}),
    ]


async def test_the_parts_of_a_recording_are_one(tmp_path: Path) -> None:
    """They follow one another in time, and repeated state is left out."""
    parts(tmp_path)
    playing = await played(tmp_path)
    assert playing.shown == pairs(show(4))
    assert playing.publish.times_s == [shown_at(index * FRAME_S / 2) for index in range(8)]


async def test_a_lone_later_part_plays_the_state_it_begins_with(tmp_path: Path) -> None:
    """Viewers get the values at its beginning."""
    whole = show(4)
    playing = await played(parts(tmp_path)[1], speed="max")
    assert playing.shown == pairs(whole[2:])


async def test_two_recordings_play_in_the_order_of_their_times(tmp_path: Path) -> None:
    """Whatever their names; common topics are numbered consecutively."""
    late = record(tmp_path / "a.mcap", [knob(1, 500)], about={**ABOUT, "recording": "late"})
    early = record(tmp_path / "b.mcap", [knob(8, 0)], about={**ABOUT, "recording": "early"})
    assert (await played([late, early])).shown == [("peripheral/knob", 8), ("peripheral/knob", 1)]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"kinds": ("frame",)}, [0, 2, 4, 6]),
        ({"kinds": ("peripheral",)}, [1, 3, 5, 7]),
        ({"topics": ("peripheral/k*",)}, [1, 3, 5, 7]),
        ({"topics": ("frame", "peripheral/no")}, [0, 2, 4, 6]),
        ({"start": 0.15}, [3, 4, 5, 6, 7]),
        ({"start": "0.15", "end": "0.25"}, [3, 4]),
        ({"end": 0.05}, [0]),
        ({"start": "2023-11-14T22:13:20.3+00:00"}, [6, 7]),
        ({"start": 0.1, "kinds": ("frame",)}, [2, 4, 6]),
    ],
)
async def test_a_choice_is_played(tmp_path: Path, choice: dict[str, Any], wanted: list[int]) -> None:
    """Kinds, topics, start and end, alone and together; the times stay right."""
    playing = await played(recorded(tmp_path, 4), **choice)
    assert playing.shown == [pairs(show(4))[index] for index in wanted]
    begin = {"0.15": 0.15, "0.1": 0.1, "None": 0.0}.get(str(choice.get("start")), 0.3)
    expected = [shown_at(index * FRAME_S / 2 - begin) for index in wanted]
    assert playing.publish.times_s == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": 100}, r"start \(100.0\) is too late: the recordings end 0.950 s"),
        ({"start": 0.5, "end": 0.2}, r"end \(0.2\) is not after start \(0.5\)"),
        ({"topics": ("frmae",)}, "nothing to play: no message is of these kinds, topics and times"),
        ({"path": "gone.mcap"}, "gone.mcap does not exist"),
        ({"path": "empty"}, "empty holds no recordings"),
        ({"path": "empty.mcap"}, "nothing to read: the recordings hold no messages"),
        ({"path": "text.mcap"}, "text.mcap is not a recording"),
    ],
)
async def test_an_unplayable_choice_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str, loop: bool
) -> None:
    """A missing file, no messages, no match: an error that a restart would not fix."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.mcap").touch()
    (tmp_path / "text.mcap").write_text("Dear diary")
    with pytest.raises(InputError, match=said):
        await played(recorded(tmp_path), loop=loop, **changes)


async def test_a_clock_that_was_set_back_does_not_end_the_pace(tmp_path: Path) -> None:
    """After a step back of five seconds the rest plays in order at its pace."""
    times = [0.0, 3.0, 6.0, 7.0, 2.0, 3.0, 4.0]
    written = [knob(number, at_s) for number, at_s in enumerate(times, 1)]
    playing = await played(record(tmp_path / "a.mcap", written, per_chunk=3))
    assert playing.shown == pairs(written)
    began = playing.publish.times_s[4]
    expected = [0.0, 3.0, 6.0, 7.0, began, began + 1, began + 2]
    assert playing.publish.times_s == pytest.approx(expected, abs=0.002)
    assert began == pytest.approx(7.0, abs=0.002)


async def test_what_threads_recorded_out_of_order_does_not_shift_the_rest(tmp_path: Path) -> None:
    """Differences of milliseconds are no clock that was set back."""
    written = [knob(1, 0.0), knob(2, 0.2), knob(3, 0.1), knob(4, 1.0)]
    playing = await played(record(tmp_path / "a.mcap", written))
    assert playing.shown == pairs(written)
    assert playing.publish.times_s == [0.0, shown_at(0.2), shown_at(0.2), shown_at(1.0)]


async def test_a_payload_of_an_unknown_type_replays_bit_for_bit(tmp_path: Path) -> None:
    """A replay need not know the types in it."""
    envelope = StreamEnvelope.FromString(line(Peripheral("knob", 1), 1, BEGIN_NS).encoded)
    envelope.peripheral.payload_encoding = PROTOBUF
    envelope.peripheral.payload_type = "somebody.Secret"
    envelope.peripheral.payload = b"\x0a\xff"
    encoded = envelope.SerializeToString()
    written = RecordedMessage("peripheral/knob", 1, BEGIN_NS, BEGIN_NS, encoded)
    playing = await played(record(tmp_path / "a.mcap", [written]))
    (sealed,) = playing.sealed
    assert sealed.encoded == encoded
    assert isinstance(sealed.message, Peripheral)
    assert sealed.message.data == OpaquePayload("somebody.Secret", b"\x0a\xff")


async def test_a_refusal_is_reported_and_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An envelope refused by the strategy `error` is logged as an error."""
    playing = Playing(ReplaySource(settings(recorded(tmp_path, 4)), context("replay"), inline))
    playing.publish.refuse = True
    await playing.run()
    assert playing.shown == pairs(show(4))
    assert caplog.text.count("source 'replay': sink 'browser': queue of 1 refused") == 8
    assert {record.levelname for record in caplog.records} == {"ERROR"}


async def test_an_unreadable_message_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The messages around an update with an unknown encoding are played."""
    wrong = knob(2, 0.1).encoded.replace(b"\x18\x01\xa0", b"\x18\x07\xa0")  # field 3, before field 100
    written = [knob(1, 0), knob(2, 0.1)._replace(encoded=wrong), knob(3, 0.2)]
    playing = await played(record(tmp_path / "a.mcap", written))
    assert playing.shown == [("peripheral/knob", 1), ("peripheral/knob", 3)]
    assert "WARNING" in caplog.text
    assert "source 'replay': peripheral/knob: payload_encoding is 7" in caplog.text


async def test_it_says_where_it_is(tmp_path: Path) -> None:
    """Place and length count from the start setting."""
    async with on_air(recorded(tmp_path), start=0.2, end=0.8, speed=2) as playing:
        await playing.publish.frames(3)
        await settled()
        assert astuple(playing.playback) == pytest.approx((0.2, 0.6, 2.0, False, 0, at(0.2)))
        await playing.ended.wait()
    assert playing.playback.position_s == pytest.approx(0.55)
    assert playing.publish.times_s[-1] <= 0.3
