"""The JSON document of `beats info`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from beats.kernel.stats import Loss
from beats.recordings.document import document
from beats.recordings.info import Surveyor
from beats.recordings.walltime import Jump
from beats.recordings.writing import RecordingFile
from tests.recordings.support import ABOUT, BEGIN_NS, lines, record


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
    """One entry for each file, and their sum; the keys say their unit."""
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
    assert first["losses"] == [
        {
            "reason": "drop_oldest",
            "envelopes": 3,
            "first_unix_ns": 100,
            "last_unix_ns": 200,
            "topics": {"frame": 3},
        }
    ]
    topics = cast("list[dict[str, object]]", first["topics"])
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
    """And apart from them, where another recording begins."""
    step = Jump(BEGIN_NS + 10**8, BEGIN_NS + 10**8, BEGIN_NS - 10**9)
    joint = Jump(BEGIN_NS + 2 * 10**8, BEGIN_NS, BEGIN_NS + 10**15, is_joint=True)
    surveyor = Surveyor()
    info = surveyor.survey(record(tmp_path / "a.mcap", lines(30), jumps=[step, joint]))
    (file,) = cast("list[dict[str, object]]", document([info], surveyor.total)["files"])
    assert file["clock_steps"] == [
        {
            "position_s": 0.1,
            "before_unix_ns": BEGIN_NS + 10**8,
            "after_unix_ns": BEGIN_NS - 10**9,
            "by_s": -1.1,
        }
    ]
    assert [each["position_s"] for each in cast("list[dict[str, object]]", file["joints"])] == [0.2]
