"""The channels of a file that is being written."""

from io import BytesIO

import pytest
from mcap.reader import make_reader
from mcap.writer import Writer

from beats.kernel.envelope import Peripheral
from beats.recordings import channels
from beats.recordings.channels import Channels
from tests.recordings.support import BEGIN_NS, line


def test_each_topic_has_a_channel_and_its_state_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messages there are; both kinds together are no more than MCAP allows."""
    monkeypatch.setattr(channels, "MAX_CHANNELS", 5)
    out = BytesIO()
    writer = Writer(out)
    writer.start()
    made = Channels(writer)
    names = ["a", "b", "c", "d"]
    a, b, c, d = (line(Peripheral(name, 1), 1, BEGIN_NS) for name in names)
    assert [made.carry(each) for each in (a, b, c, a)] == [True, True, False, True]
    for each in (a, b, c, a, b):
        assert made.has_room_for(each.topic)
        made.put(each)
    assert not made.has_room_for(d.topic)
    with pytest.raises(ValueError, match="no room for 'peripheral/d'"):
        made.put(d)
    writer.finish()  # type: ignore[no-untyped-call]  # the library forgot `-> None`
    summary = make_reader(BytesIO(out.getvalue())).get_summary()
    assert summary is not None
    found = [(each.topic, each.metadata.get("beats", "")) for each in summary.channels.values()]
    assert found == [
        ("peripheral/a", "carried"),
        ("peripheral/b", "carried"),
        ("peripheral/a", ""),
        ("peripheral/b", ""),
        ("peripheral/c", ""),
    ]


def test_state_leaves_room_for_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that meets state late, when all channels are taken, goes on without it."""
    monkeypatch.setattr(channels, "MAX_CHANNELS", 2)
    writer = Writer(BytesIO())
    writer.start()
    made = Channels(writer)
    for name in ("a", "b"):
        made.put(line(Peripheral(name, 1), 1, BEGIN_NS))
    assert not made.carry(line(Peripheral("a", 1), 1, BEGIN_NS))
