"""Completion of the names and values of settings."""

from pathlib import Path

import pytest

from beats.cli.setting_names import SettingNames


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingNames:
    """Those of a profile with many faults."""
    monkeypatch.delenv("BEATS_CONFIG_DIR", raising=False)
    (tmp_path / "wall.toml").write_text(
        """
        [kernel]
        log_level = "LOUD"
        [sources.demo]
        fps = -1
        [sinks.browser]
        port = 99999999
        [sinks.odd]
        type = "nothing"
        [sinks.typeless]
        enabled = true
        [sinks.off]
        type = "recorder"
        enabled = false
        """
    )
    return SettingNames.of("wall", tmp_path)


def offered(names: SettingNames, incomplete: str) -> list[str]:
    return [value for value, _ in names.offers(incomplete)]


def test_a_path_is_completed_part_by_part(names: SettingNames) -> None:
    """Sections, names, keys, also of what is switched off; of a single table its keys; types, strategies."""
    assert offered(names, "") == ["kernel.", "pixels.", "sources.", "sinks."]
    assert offered(names, "s") == ["sources.", "sinks."]
    assert offered(names, "sinks.o") == ["sinks.odd.", "sinks.off."]
    assert "sinks.browser.queue." in offered(names, "sinks.browser.")
    assert offered(names, "sinks.browser.queue.si") == ["sinks.browser.queue.size="]
    assert offered(names, "sinks.browser.client_queue.frame.si") == ["sinks.browser.client_queue.frame.size="]
    assert offered(names, "sinks.off.enab") == ["sinks.off.enabled="]
    found = offered(names, "ker")
    assert "kernel.log_format=" in found
    assert all(each.startswith("kernel.") for each in found)
    assert offered(names, "sinks.odd") == ["sinks.odd."]
    assert "sinks.odd.type=websocket" in offered(names, "sinks.odd.type=")

    assert "sinks.browser.queue.overflow=drop_oldest" in offered(names, "sinks.browser.queue.overflow=")


@pytest.mark.parametrize(
    ("incomplete", "expected"),
    [
        ("kernel.log_format=", ["kernel.log_format=human", "kernel.log_format=json"]),
        ("kernel.watch=t", ["kernel.watch=true", "kernel.watch=false"]),
        ("sinks.browser.port=", []),
        ("nothing.at.all=", []),
        ("sinks.browser.=", []),
        ("=", []),
    ],
)
def test_values_are_offered_where_there_are_few(
    names: SettingNames, incomplete: str, expected: list[str]
) -> None:
    """With the path before them, whatever part of the value has been typed."""
    assert offered(names, incomplete) == expected


@pytest.mark.parametrize(
    "incomplete", ["no.such.thing", "sinks.typeless.x", "a..b", "...", "sinks.browser.port.x"]
)
def test_an_unknown_path_has_no_completions(names: SettingNames, incomplete: str) -> None:
    """In any form."""
    assert offered(names, incomplete) == []
