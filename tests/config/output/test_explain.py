"""The settings in effect, with their origins."""

from collections.abc import Sequence
from typing import cast

from pydantic import SecretStr

from beats.config.output.explain import Setting, below, differences, keys_of, settings_of
from beats.config.settings import SinkSettings
from tests.config.fakes import House


def explained(house: House, profile: str | None = None) -> list[Setting]:
    return settings_of(house.inspect(profile))


def at(settings: Sequence[Setting], key: str) -> Setting:
    [setting] = [setting for setting in settings if setting.key == key]
    return setting


def test_defaults_are_listed_too(house: House) -> None:
    """Every setting of the kernel and of enabled sources and sinks; a default has no steps."""
    found = explained(house)
    keys = [setting.key for setting in found]
    assert keys[0] == "kernel.shutdown_timeout_s"
    for key in ("kernel.log_level", "sources.demo.fps", "sinks.browser.queue.size", "sinks.browser.token"):
        assert key in keys
    assert at(found, "kernel.log_level").steps == ()
    assert at(found, "sinks.browser.client_queue").value is None


def test_of_a_disabled_sink_only_type_and_enabled_are_listed(house: House) -> None:
    """Its other settings have no effect."""
    house.write("mine", "[sinks.browser]\nenabled = false\nport = 1")
    found = explained(house)
    assert {setting.path[2]: setting.value for setting in found if setting.path[0] == "sinks"} == {
        "type": "websocket",
        "enabled": False,
    }
    house.write("only-off", "[sinks.nothing]\nenabled = false")
    assert at(explained(house), "sinks.nothing.enabled").value is False


def test_secrets_are_never_shown(house: House) -> None:
    """Neither the value in effect nor an overridden one; that there is none may be shown."""
    house.write("mine", "[sinks.browser]\ntoken = 'hush-1'")
    token = at(explained(house), "sinks.browser.token")
    assert token.value == SecretStr("hush-1")
    assert token.shown(token.value) == token.shown("hush-1") == "********"
    assert token.shown(None) is None


def test_an_address_with_a_password_is_never_shown(house: House) -> None:
    """In a setting that is not a secret; another value of it may be shown."""
    house.write("mine", "[sinks.browser]\norigins = ['http://ann:hush@a']")
    house.sets = ["sinks.browser.origins=http://b"]
    origins = at(explained(house), "sinks.browser.origins")
    assert not origins.is_secret
    assert origins.shown(origins.value) == ["http://b"]
    assert origins.shown(origins.steps[0].value) == "********"
    house.sets = []
    assert at(explained(house), "sinks.browser.origins").is_secret


def test_nested_values_become_plain(house: House) -> None:
    """Arrays of tables, and tables with free keys."""

    class Part(SinkSettings):
        type: str = "part"
        size: int | None = None

    class OddSettings(SinkSettings):
        parts: tuple[Part, ...] = ()
        names: dict[str, dict[str, int]] = {}  # noqa: RUF012 - pydantic copies it
        empty: dict[str, int] = {}  # noqa: RUF012 - as above

    house.adapters.add("sinks", "odd", OddSettings)
    house.write(
        "mine",
        "[sinks.odd]\ntype = 'odd'\nparts = [{ size = 3 }, {}]\nnames = { a = { b = 1 }, c = { d = 2 } }",
    )
    found = explained(house)
    parts = at(found, "sinks.odd.parts")
    one, other = cast(list[dict[str, object]], parts.shown(parts.value))
    assert (one["size"], "size" in other) == (3, False)
    assert at(found, "sinks.odd.names.a.b").steps[0].line == 4
    assert at(found, "sinks.odd.names.c.d").value == 2
    assert at(found, "sinks.odd.empty").value == {}


def test_the_settings_in_a_table_are_found_by_its_path(house: House) -> None:
    """All of them, and no others."""
    found = explained(house)
    assert [setting.path[-1] for setting in below(found, ("sinks", "browser", "queue"))][:2] == [
        "size",
        "max_bytes",
    ]
    assert below(found, ("sinks", "brow")) == []
    assert {"sinks", "sinks.browser", "sinks.browser.queue.size"} <= set(keys_of(found))


def test_profiles_differ_in_values_not_in_origins(house: House) -> None:
    """Defaults of a sink that only one of them has are left out."""
    house.write("one", "[sinks.browser]\nport = 8765")
    assert differences(explained(house, "default"), explained(house, "one")) == []
    house.write("two", "[sinks.browser]\nport = 1\n[sinks.keep]\ntype = 'recorder'")
    pairs = differences(explained(house, "one"), explained(house, "two"))
    assert [(a and a.value, b and b.key, b and b.value) for a, b in pairs] == [
        (8765, "sinks.browser.port", 1),
        (None, "sinks.keep.type", "recorder"),
    ]


def test_secrets_are_compared(house: House) -> None:
    """Two tokens can differ, though neither is shown."""
    house.write("one", "[sinks.browser]\ntoken = 'a'")
    house.write("two", "[sinks.browser]\ntoken = 'b'")
    assert len(differences(explained(house, "one"), explained(house, "two"))) == 1
    assert differences(explained(house, "one"), explained(house, "one")) == []
