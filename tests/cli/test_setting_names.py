"""The settings of a profile by name."""

from pathlib import Path

import pytest

from beats.cli.setting_names import SettingNames
from beats.config.errors import SettingsError


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingNames:
    """Of a profile in which much is wrong."""
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


def test_a_path_is_offered_part_by_part(names: SettingNames) -> None:
    """Sections, names, keys, and keys of tables in a table."""
    assert offered(names, "") == ["kernel.", "sources.", "sinks."]
    assert offered(names, "s") == ["sources.", "sinks."]
    assert offered(names, "sinks.o") == ["sinks.odd.", "sinks.off."]
    assert "sinks.browser.queue." in offered(names, "sinks.browser.")
    assert offered(names, "sinks.browser.queue.si") == ["sinks.browser.queue.size="]
    assert offered(names, "sinks.browser.client_queue.frame.si") == ["sinks.browser.client_queue.frame.size="]


def test_what_is_switched_off_has_its_settings_too(names: SettingNames) -> None:
    """Somebody may be about to switch it on."""
    assert offered(names, "sinks.off.enab") == ["sinks.off.enabled="]


def test_the_only_table_is_opened(names: SettingNames) -> None:
    """Else shells would put a blank behind its name."""
    found = offered(names, "ker")
    assert "kernel.log_format=" in found
    assert all(each.startswith("kernel.") for each in found)
    assert offered(names, "sinks.odd") == ["sinks.odd."]


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
    """With the path before them, and whatever has been typed of them."""
    assert offered(names, incomplete) == expected


def test_the_types_of_sinks_are_offered(names: SettingNames) -> None:
    """Also of a sink whose type there is not."""
    assert "sinks.odd.type=websocket" in offered(names, "sinks.odd.type=")


def test_the_strategies_of_a_queue_are_offered(names: SettingNames) -> None:
    """They are an annotated choice."""
    assert "sinks.browser.queue.overflow=drop_oldest" in offered(names, "sinks.browser.queue.overflow=")


@pytest.mark.parametrize(
    "incomplete", ["no.such.thing", "sinks.typeless.x", "a..b", "...", "sinks.browser.port.x"]
)
def test_what_there_is_not_offers_nothing(names: SettingNames, incomplete: str) -> None:
    """However it is written."""
    assert offered(names, incomplete) == []


def test_a_key_comes_with_what_it_is_for(names: SettingNames) -> None:
    """Some shells show it."""
    assert ("sinks.browser.port=", "Port to listen on; 0 takes a free one and reports it.") in names.offers(
        "sinks.browser.po"
    )


def test_a_profile_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    """Said as any command says it."""
    with pytest.raises(SettingsError, match="no such profile"):
        SettingNames.of("nobody", tmp_path)
