"""The report of `beats info`."""

from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from beats.cli.report import file_report, total_report
from beats.recordings.foreign import Channel, NotShown
from beats.recordings.info import ContentCounts, FileInfo, LossInfo, PlacedJump, TopicInfo
from beats.recordings.scan import Damage
from beats.recordings.walltime import ClockJump


def shown(report: RenderableType) -> list[str]:
    file = StringIO()
    Console(file=file, width=200, emoji=False).print(report)
    return [" ".join(line.split()) for line in file.getvalue().splitlines()]


def test_the_total_says_how_many_files_are_in_which_state() -> None:
    """Also those that could not be read."""
    whole = FileInfo(Path("a"), has_index=True)
    infos = [whole, whole, FileInfo(Path("b")), FileInfo(Path("c"), error="gone")]
    found = shown(total_report(infos, ContentCounts()))
    assert found[0] == "total of 4 files"
    assert "health 2 whole, 1 ends early, 1 unreadable" in found


def test_long_lists_are_cut_short() -> None:
    """The first topics and damages are shown, and how many more there are."""
    tally = ContentCounts(topics={f"t{index}": TopicInfo(messages=100 - index) for index in range(60)})
    damages = [Damage(index, 5, "broken") for index in range(30)]
    found = shown(file_report(FileInfo(Path("a"), tally, damages=damages, damage_count=70)))
    assert sum(line.startswith("at byte") for line in found) == 20
    assert "and 50 more" in found
    assert any(line.startswith("and 10 more; --json lists all") for line in found)
    assert any(line.startswith("t49 ") for line in found)
    assert not any(line.startswith("t50 ") for line in found)
    said = {f"k{index}": "v" for index in range(2000)}
    found = shown(file_report(FileInfo(Path("a"), about=said, totals=said, notes=Counter(said.keys()))))
    assert found.count("and 1,950 more; --json lists all") == 3
    assert len(found) < 200


def test_it_says_where_the_clock_was_set() -> None:
    """By how much, where, and what it showed; of many steps, only the first ones."""
    step = ClockJump(10**10, 1_700_000_010 * 10**9, 1_700_000_000 * 10**9)
    joint = step._replace(is_joint=True)
    jumps = [PlacedJump(10.0, step), PlacedJump(20.5, joint), *[PlacedJump(30.0, step)] * 28]
    found = shown(file_report(FileInfo(Path("a"), about={"log_offset_ns": "-17"}, jumps=jumps)))
    span = "from 2023-11-14T22:13:30.000000+00:00 to 2023-11-14T22:13:20.000000+00:00"
    assert f"clock stepped by -10.000 s at 10.000 s, {span}" in found
    assert f"clock another recording begins at 20.500 s, {span}" in found
    assert "and 10 more; --json lists all" in found
    assert not any("-17" in line for line in found)  # of no use to a person


def test_messages_that_are_not_shown_are_named() -> None:
    """By channel, the most frequent first, with what is wrong with those that should be shown."""
    imu, bare = Channel("/imu", "sensor_msgs/msg/Imu", "cdr"), Channel("/bare", "", "")
    not_shown = Counter({NotShown(bare, ""): 1, NotShown(imu, "it is cut"): 2000})
    found = shown(file_report(FileInfo(Path("a"), ContentCounts(foreign=2001, not_shown=not_shown))))
    at = found.index("and 2,001 that are neither pictures nor updates")
    assert found[at + 1 : at + 3] == [
        "not shown 2,000 of /imu (sensor_msgs/msg/Imu in cdr), the first because it is cut",
        "not shown 1 of /bare (without a schema)",
    ]


def test_nothing_in_a_file_is_obeyed_or_taken_for_markup() -> None:
    """Topics, metadata, notes, reasons, damages and file names come from others, and may hold brackets."""
    tally = ContentCounts(
        topics={"peripheral/[bold]x": TopicInfo(1)}, losses={"failed": LossInfo(0, 0, Counter({"[red]t": 2}))}
    )
    info = FileInfo(Path("[dim]a"), tally, about={"profile": "[i]p"}, notes=Counter({"[b]n": 2}))
    text = "\n".join(shown(file_report(info)))
    for wanted in ("[dim]a", "peripheral/[bold]x", "[red]t 2", "[i]p", "[b]n, 2 of them"):
        assert wanted in text
    evil = "x\x1b[2J\x9b\u202e\n  health  whole"
    tally = ContentCounts(
        topics={evil: TopicInfo(messages=1)},
        losses={evil: LossInfo(1, 2, Counter({evil: 1}))},
        not_shown=Counter({NotShown(Channel(evil, evil, evil), evil): 1}),
    )
    notes, damages = Counter({evil: 1}), [Damage(1, 1, evil)]
    about = {evil: evil, "settings": evil}
    info = FileInfo(
        Path(evil), tally, about=about, totals=about, notes=notes, damages=damages, damage_count=1
    )
    for report in (file_report(info), file_report(FileInfo(Path(evil), error=evil)), total_report([], tally)):
        found = shown(report)
        text = "".join(found)
        assert text.isprintable()
        assert sum(line.startswith("health") for line in found) <= 1
        assert r"x\x1b[2J\x9b\u202e\n health whole" in text


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('{"sources": {"demo": {"fps": 30}}, "sinks": {"a": {}, "b": {}}}', "sources: demo, sinks: a b"),
        ('{"sources": {}, "sinks": {"a": {}}}', "sources: none, sinks: a"),
        ("not JSON", "not JSON"),
        ("[1]", "[1]"),
        ('{"sinks": 3}', '{"sinks": 3}'),
    ],
)
def test_of_the_settings_only_names_are_shown(settings: str, expected: str) -> None:
    """All settings would fill the screen; unreadable ones are shown as they are."""
    found = shown(file_report(FileInfo(Path("a"), about={"settings": settings})))
    assert f"settings {expected}" in found
