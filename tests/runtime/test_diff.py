"""What sets one profile apart from another."""

from beats.config.load import load_profile
from beats.config.settings import ProfileSettings
from beats.runtime.diff import Step, differing, steps
from beats.runtime.registry import SINKS, InstalledAdapters


def profile(kernel: dict[str, object] | None = None, **parts: dict[str, object]) -> ProfileSettings:
    overrides: dict[str, object] = {"sources": {"demo": {"enabled": False}}, "sinks": {}, **parts}
    if kernel is not None:
        overrides["kernel"] = kernel
    return load_profile(InstalledAdapters(), environ={}, overrides=overrides)


def between(before: ProfileSettings, after: ProfileSettings) -> list[Step]:
    return steps(before, after, lambda kind: SINKS.find(kind).adjustable)


def test_equal_profiles_need_nothing() -> None:
    """There are no steps; settings of the kernel that differ are told by their names."""
    assert between(profile(), profile()) == []
    assert differing(profile().kernel, profile().kernel) == ()
    assert differing(profile().kernel, profile({"max_topics": 7}).kernel) == ("max_topics",)


def test_each_difference_becomes_a_step_with_what_differs() -> None:
    """Added, removed, of another type, changed in place, or replaced with the keys that differ."""
    recorder = {"type": "recorder", "path": "a.mcap"}
    before = profile(sinks={"gone": {"type": "null"}, "tape": recorder, "kind": recorder})
    browser = {"max_clients": 7, "queue": {"size": 4}}
    after = profile(
        sinks={
            "new": {"type": "null"},
            "tape": {**recorder, "path": "b.mcap"},
            "kind": {"type": "null"},
            "browser": browser,
        }
    )
    assert between(before, after) == [
        Step("remove", "sinks", "gone"),
        Step("adjust", "sinks", "browser", ("queue", "max_clients")),
        Step("replace", "sinks", "tape", ("path",)),
        Step("swap", "sinks", "kind", ("type",)),
        Step("add", "sinks", "new"),
    ]


def test_whether_a_sink_is_required_changes_in_place() -> None:
    """It matters only at the next start."""
    off, tape = {"enabled": False}, {"type": "recorder"}
    before = profile(sinks={"browser": off, "tape": tape})
    after = profile(sinks={"browser": off, "tape": {**tape, "required": False}})
    assert between(before, after) == [Step("adjust", "sinks", "tape", ("required",))]


def test_what_cannot_change_in_place_makes_it_a_replacement() -> None:
    """One such setting is enough."""
    after = profile(sinks={"browser": {"max_clients": 7, "port": 9000}})
    assert [step.action for step in between(profile(), after)] == ["replace"]


def test_what_goes_makes_room_and_sources_come_last() -> None:
    """A new sink can take the port of a removed one, and a source publishes when all sinks are there."""
    off = {"enabled": False}
    before = profile(sources={"a": {"type": "demo"}, "demo": off}, sinks={"one": {"type": "null"}})
    after = profile(sources={"b": {"type": "demo"}, "demo": off}, sinks={"two": {"type": "null"}})
    assert [(step.action, step.group) for step in between(before, after)] == [
        ("remove", "sources"),
        ("remove", "sinks"),
        ("add", "sinks"),
        ("add", "sources"),
    ]


def test_an_idle_source_that_is_the_same_is_started_again() -> None:
    """A changed source is replaced, since it cannot change in place, and a removed one is not restarted."""
    demo = {"type": "demo"}
    before = profile(sources={"a": demo, "b": demo, "c": demo, "d": demo})
    changed = {"type": "demo", "fps": 10.0, "transforms": {"every": "1s"}}
    after = profile(sources={"a": demo, "b": changed, "d": demo})
    found = steps(before, after, lambda kind: SINKS.find(kind).adjustable, {"a", "b", "c", "e"})
    assert found == [
        Step("remove", "sources", "c"),
        Step("replace", "sources", "b", ("transforms", "fps")),
        Step("restart", "sources", "a"),
    ]
    assert [str(step) for step in found[1:]] == [
        "source 'b' replaced (transforms, fps)",
        "source 'a' started again",
    ]
