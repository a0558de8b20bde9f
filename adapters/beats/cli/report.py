"""The report of `beats info`."""

import json
from collections.abc import Iterable, Sequence
from typing import Final, cast

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from beats.cli.printable import printable
from beats.kit import units
from beats.recordings.format import LOG_OFFSET, iso
from beats.recordings.info import ContentCounts, FileInfo, PlacedJump, TopicInfo

_MOST_TOPICS: Final = 50
_MOST_FORMS: Final = 3
_MOST_DAMAGES: Final = 20
_MOST_JUMPS: Final = 20
_MOST_FACTS: Final = 50
"""The most records that are shown of each kind of metadata."""
_STATES: Final = {
    "whole": "whole",
    "no_index": "ends early, without an index, because a write failed; everything before that can be read",
    "cut": "cut off",
    "damaged": "damaged",
}

_LOST: Final = {"encoder": "; pixels that came too fast to be encoded, and so never had a number"}
"""What reasons mean that are no strategy of a queue."""


def file_report(info: FileInfo) -> RenderableType:
    """The report on one file that could be read."""
    head = _text(str(info.path), "bold")
    facts = _facts()
    _add_counts(facts, info.counts)
    for placed in info.jumps[:_MOST_JUMPS]:
        facts.add_row("clock", _jump(placed))
    if len(info.jumps) > _MOST_JUMPS:
        facts.add_row("", f"and {len(info.jumps) - _MOST_JUMPS:,} more; --json lists all")
    about = ((key, value) for key, value in info.about.items() if key != LOG_OFFSET)  # it is for programs
    _some(facts, ((key, _components(value) if key == "settings" else value) for key, value in about))
    _some(facts, ((f"total {key}", value) for key, value in (info.totals or {}).items()))
    notes = info.notes.items()
    _some(facts, (("note", f"{name}, {count} of them" if count > 1 else name) for name, count in notes))
    facts.add_row("health", _health(info))
    for damage in info.damages[:_MOST_DAMAGES]:
        facts.add_row("", _text(str(damage)))
    if info.damage_count > _MOST_DAMAGES:
        facts.add_row("", Text(f"and {info.damage_count - _MOST_DAMAGES:,} more"))
    return _below(head, facts, info.counts)


def total_report(infos: Sequence[FileInfo], total: ContentCounts) -> RenderableType:
    """The report on several files together."""
    facts = _facts()
    _add_counts(facts, total)
    states = [_STATES[info.state].split(",")[0] if info.error is None else "unreadable" for info in infos]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    facts.add_row("health", Text(counts))
    head = Text(f"total of {len(infos)} files", "bold")
    return _below(head, facts, total)


def _below(head: Text, facts: Table, counts: ContentCounts) -> RenderableType:
    return Group(head, *(Padding(each, (0, 0, 0, 2), expand=False) for each in (facts, _topics(counts))))


def _text(text: str, style: str = "") -> Text:
    """Text from a file, as one line without control characters."""
    return Text(printable(text), style)


def _some(facts: Table, rows: Iterable[tuple[str, str]]) -> None:
    """Add the first rows, and how many more there are: a file may have any number of metadata."""
    shown = list(rows)
    for key, value in shown[:_MOST_FACTS]:
        facts.add_row(_text(key), _text(value))
    if (more := len(shown) - _MOST_FACTS) > 0:
        facts.add_row("", Text(f"and {more:,} more; --json lists all", "dim"))


def _components(settings: str) -> str:
    """The names of the sources and sinks; all their settings would fill the screen, and are in `--json`."""
    try:
        groups = cast("dict[str, dict[str, object]]", json.loads(settings))
        return ", ".join(f"{group}: {' '.join(names) or 'none'}" for group, names in groups.items())
    except (ValueError, AttributeError, TypeError):
        return settings


def _facts() -> Table:
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    return facts


def _add_counts(facts: Table, counts: ContentCounts) -> None:
    facts.add_row("size", units.size(counts.size_bytes))
    topics = counts.topics.values()
    if counts.first_unix_ns is not None and counts.last_unix_ns is not None:
        when = f"{iso(counts.first_unix_ns)} to {iso(counts.last_unix_ns)}, {counts.duration_s:,.3f} s"
        facts.add_row("recorded", when)
    messages = f"{sum(topic.messages for topic in topics):,}"
    if repeated := sum(topic.repeated for topic in topics):
        messages += f", and {repeated:,} that repeat the state at the beginning"
    facts.add_row("messages", messages)
    if counts.foreign:
        facts.add_row("", f"and {counts.foreign:,} that are neither pictures nor updates")
    not_shown = counts.not_shown.most_common(_MOST_TOPICS)
    for what, count in not_shown:
        why = f", the first because {what.why}" if what.why else ""
        facts.add_row("not shown", _text(f"{count:,} of {what.channel}{why}"))
    if (more := len(counts.not_shown) - len(not_shown)) > 0:
        facts.add_row("", f"and {more:,} more channels; --json lists all")
    if missing := sum(topic.missing for topic in topics):
        facts.add_row("gaps", f"{missing:,} sequence numbers are missing between recorded ones")
    for reason, loss in counts.losses.items():
        by_topic = ", ".join(f"{topic} {count:,}" for topic, count in loss.topics.most_common(_MOST_TOPICS))
        lost = f"{reason}: {loss.topics.total():,} from {iso(loss.first_unix_ns)} to {iso(loss.last_unix_ns)}"
        why = _LOST.get(reason, "")
        facts.add_row("lost", _text(f"{lost} ({by_topic}){why}"))


def _health(info: FileInfo) -> Text:
    text = _STATES[info.state]
    if info.state in ("cut", "damaged"):
        count = info.counts.unreadable_bytes
        text += f": {count:,} bytes cannot be read" if count else ", but no message is lost"
    return Text(text, "green" if info.state == "whole" else "yellow")


def _jump(placed: PlacedJump) -> str:
    position_s, jump = placed
    span = f"{iso(jump.before_unix_ns)} to {iso(jump.after_unix_ns)}"
    if jump.is_joint:
        return f"another recording begins at {position_s:,.3f} s, from {span}"
    return f"stepped by {jump.by_ns / 1e9:+,.3f} s at {position_s:,.3f} s, from {span}"


def _pictures(topic: TopicInfo) -> str:
    """Format and size of most pictures of a topic."""
    forms = topic.pictures.most_common(_MOST_FORMS)
    shown = [f"{form.media_type[len('image/') :]} {form.width:,} x {form.height:,}" for form, _ in forms]
    return ", ".join([*shown, *(["…"] if len(topic.pictures) > _MOST_FORMS else [])])


def _topics(counts: ContentCounts) -> Table:
    result = Table("topic", box=None, pad_edge=False, header_style="bold")
    for name in ("messages", "per s", "size", "missing"):
        result.add_column(name, justify="right")
    result.add_column("pictures")
    for name, topic in counts.most_frequent(_MOST_TOPICS):
        rate = f"{topic.messages / counts.duration_s:,.1f}" if counts.duration_s else "-"
        size, missing = units.size(topic.size_bytes), f"{topic.missing:,}"
        result.add_row(_text(name), f"{topic.messages:,}", rate, size, missing, _pictures(topic))
    if (more := len(counts.topics) - _MOST_TOPICS) > 0:
        result.add_row(Text(f"and {more:,} more; --json lists all", "dim"))
    return result
