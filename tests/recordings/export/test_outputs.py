"""What an export can write."""

from pathlib import Path

import pytest

from beats.kernel.envelope import Peripheral
from beats.recordings.content import Message
from beats.recordings.export.outputs import EventTable, LooksAhead, open_outputs
from beats.recordings.files import Piece
from beats.recordings.scan import Times
from beats.recordings.selection import Chosen

CHOSEN = Chosen(
    Piece(Path("a.mcap"), Times(0, 0), 0.0, continues=False),
    0.0,
    Message("peripheral/k", 1, 0, 0, b"", carried=False),
    repeated=False,
)


def test_all_that_is_named_is_opened(tmp_path: Path) -> None:
    """Each under its own path, with the kind that it takes; only the APNG looks ahead."""
    outputs = open_outputs(
        frames=tmp_path / "f", gif=tmp_path / "g", apng=tmp_path / "a", events=[tmp_path / "e.csv"]
    )
    assert [(output.path.name, output.kind) for output in outputs] == [
        ("f", "frame"),
        ("g", "frame"),
        ("a", "frame"),
        ("e.csv", "peripheral"),
    ]
    assert [isinstance(output, LooksAhead) for output in outputs] == [False, False, True, False]
    for output in outputs:
        output.discard()
    assert list(tmp_path.iterdir()) == []


def test_when_one_cannot_be_opened_nothing_is_left_of_the_others(tmp_path: Path) -> None:
    """The error names the one, and what is there stays as it is."""
    (tmp_path / "e.csv").write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        open_outputs(frames=tmp_path / "f", gif=tmp_path / "g", apng=None, events=[tmp_path / "e.csv"])
    assert caught.value.filename == str(tmp_path / "e.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["e.csv"]
    assert (tmp_path / "e.csv").read_text() == "mine"


@pytest.mark.parametrize(("name", "begins"), [("a.CSV", "time,unix_ns,"), ("a.jsonl", '{"time":')])
def test_the_suffix_says_the_format(name: str, begins: str, tmp_path: Path) -> None:
    """In capitals too; the end says how many updates there are."""
    table = EventTable(tmp_path / name)
    table.add(CHOSEN, Peripheral("k", 1))
    text = table.finish()
    written = (tmp_path / name).read_text()
    assert text == f"1 update, {len(written)} bytes"
    assert written.startswith(begins)


def test_without_updates_there_is_no_table(tmp_path: Path) -> None:
    """Not even its head."""
    assert EventTable(tmp_path / "a.csv").finish() is None
    assert list(tmp_path.iterdir()) == []
