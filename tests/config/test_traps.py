"""What goes wrong with layered settings elsewhere, one trap a test: here is what happens instead.

Most of these are dynaconf's, tried with 3.3; it reads our files, and nothing else of it is used.
"""

from pathlib import Path

import pytest
from pydantic import SecretStr

from beats.config.errors import SettingsError
from beats.config.layers.profiles import SHIPPED
from beats.config.load import inspect_profile
from beats.config.output.explain import settings_of
from beats.config.settings import ProfileSettings
from tests.config.fakes import DemoSettings, House

LAYERS = ["profile", "local", "variable", "set"]


def say(house: House, layer: str, key: str, text: str) -> None:
    """Give a sink's key a text in one layer: in quotes where TOML is written, bare where text is."""
    if layer in ("profile", "local"):
        house.write("mine" if layer == "profile" else "local", f'[sinks.browser]\n{key} = "{text}"\n')
    elif layer == "variable":
        house.environ[f"BEATS_SINKS__BROWSER__{key.upper()}"] = text
    else:
        house.sets.append(f"sinks.browser.{key}={text}")


@pytest.mark.parametrize("layer", ["profile", "local", "variable", "set", "inline"])
def test_a_table_does_not_wipe_its_siblings(house: House, layer: str) -> None:
    """Without its merge, a profile that sets one key of a table loses all the others."""
    if layer == "profile":
        house.write("mine", "[sinks.browser.queue]\nsize = 3")
    elif layer == "local":
        house.write("local", "[sinks]\nbrowser.queue = { size = 3 }")
    elif layer == "variable":
        house.environ["BEATS_SINKS__BROWSER__QUEUE__SIZE"] = "3"
    elif layer == "set":
        house.sets = ["sinks.browser.queue.size=3"]
    else:
        house.environ["BEATS_SINKS__BROWSER"] = "{ queue = { size = 3 } }"
    browser = house.browser()
    assert (browser.queue.size, browser.queue.overflow) == (3, "drop_oldest")
    assert (browser.type, browser.port) == ("websocket", 8765)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ('["http://b"]', ("http://b",)),
        ("http://b", ("http://b",)),
        ("http://b, http://c", ("http://b", "http://c")),
        ('["http://b, c"]', ("http://b, c",)),
        ("[]", ()),
        ("", ()),
    ],
)
@pytest.mark.parametrize("layer", ["variable", "set"])
def test_a_higher_list_replaces_the_lower_entirely(
    house: House, layer: str, text: str, origins: tuple[str, ...]
) -> None:
    """With its merge, lists are appended, and an allow-list of origins can never be narrowed."""
    house.write("mine", '[sinks.browser]\norigins = ["http://a", "http://b"]')
    say(house, layer, "origins", text)
    assert house.browser().origins == origins


def test_lists_are_replaced_between_files_too(house: House) -> None:
    """In each of the layers, down to an empty one."""
    house.write("below", '[sinks.browser]\norigins = ["a", "b", "c"]')
    house.write("mine", 'extends = "below"\n[sinks.browser]\norigins = ["d"]')
    assert house.browser().origins == ("d",)
    house.write("local", "[sinks.browser]\norigins = []")
    assert house.browser().origins == ()


@pytest.mark.parametrize(
    "text", ["12345678", "1e5", "2024-01-01", "true", "0x1F", "1_000", "nan", "[1]", "@int 3"]
)
@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_text_stays_text(house: House, layer: str, text: str) -> None:
    """Casting makes a number of a token of digits, and a date of a name that looks like one."""
    say(house, layer, "token", text)
    assert house.browser().token == SecretStr(text)


def test_text_in_a_list_stays_text(house: House) -> None:
    """Each item by itself."""
    house.environ["BEATS_SINKS__BROWSER__ORIGINS"] = "12345678, 1e5, true"
    assert house.browser().origins == ("12345678", "1e5", "true")


@pytest.mark.parametrize("text", ["True", "true", "1.0", "1e3", "", "0x10", "one", "٣"])
@pytest.mark.parametrize("layer", ["variable", "set"])
def test_only_a_whole_number_is_one(house: House, layer: str, text: str) -> None:
    """Python takes True for 1, and casting makes 1.0 of what is written so."""
    say(house, layer, "port", text)
    problem = house.problem()
    assert (problem.key, problem.message) == ("sinks.browser.port", "must be a whole number")


@pytest.mark.parametrize("value", ["true", "1.0", '"1"', "[1]", "2024-01-01"])
def test_only_a_whole_number_in_toml_is_one(house: House, value: str) -> None:
    """The types of TOML are taken as they are."""
    house.write("mine", f"[sinks.browser]\nport = {value}")
    assert house.problem().message == "must be a whole number"


@pytest.mark.parametrize("layer", LAYERS)
def test_a_misspelt_key_is_refused(house: House, layer: str) -> None:
    """Elsewhere it passes in silence, and the setting that was meant keeps its default."""
    say(house, layer, "hots", "x")
    problem = house.problem()
    assert (problem.key, problem.nearest) == ("sinks.browser.hots", "host")


def test_a_variable_with_one_underscore_is_named(house: House) -> None:
    """It means nothing, which is said, with the variable that was meant."""
    house.environ["BEATS_SINKS_BROWSER_PORT"] = "1"
    [warning] = house.load().warnings
    assert warning.endswith("did you mean BEATS_SINKS__BROWSER__PORT?")
    assert house.browser().port == 8765


def test_a_missing_file_is_refused(house: House) -> None:
    """A profile, a folder, or one that is built on: none is passed over."""
    house.profile = "gone"
    assert house.problem().message.startswith("no such profile")
    house.write("mine", "extends = 'gone'")
    assert house.problem().message.startswith("no such profile")
    house.folder /= "gone"
    assert house.problem().message == "no such folder"


def test_no_folder_above_is_searched(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose settings hold does not depend on where in a tree of folders one stands."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "default.toml").write_text("[sinks.browser]\nport = 1\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    found = inspect_profile(house.adapters, environ={})
    assert {step.where for step in found.root.steps} == {str(SHIPPED / "default.toml")}


def test_a_broken_file_leaves_what_was_read_before(house: House) -> None:
    """Nothing is half loaded: settings are new, frozen objects, or there are none."""
    house.write("mine", "[sinks.browser]\nport = 1\n[sources.demo]\nfps = 5")
    before = house.load()
    house.write("mine", "[sinks.browser]\nport = 2\n[sources.demo]\nfps = = 6")
    with pytest.raises(SettingsError):
        house.load()
    house.write("mine", "[sinks.browser]\nport = 2\n[sources.demo]\nfps = 'fast'")
    with pytest.raises(SettingsError):
        house.load()
    assert getattr(before.sinks["browser"], "port", None) == 1
    assert before.sources == {"demo": DemoSettings(type="demo", fps=5)}
    house.write("mine", "[sinks.browser]\nport = 3")
    assert house.browser().port == 3
    assert getattr(before.sinks["browser"], "port", None) == 1


def test_each_value_tells_every_layer_that_gave_it(house: House) -> None:
    """The highest holds; all five are told, with file and line, lowest first."""
    profile = house.write("mine", "# mine\n[sinks.browser]\nhost = 'p'\nport = 1")
    local = house.write("local", "[sinks.browser]\nport = 2")
    house.environ["BEATS_SINKS__BROWSER__PORT"] = "3"
    house.sets = ["sinks.browser.port=4"]
    found = inspect_profile(
        house.adapters, profile="mine", config_dir=house.folder, environ=house.environ, sets=house.sets
    )
    [port] = [setting for setting in settings_of(found) if setting.key == "sinks.browser.port"]
    assert [(step.place, step.value) for step in port.steps] == [
        (f"{SHIPPED / 'default.toml'}:15", 8765),
        (f"{profile}:4", 1),
        (f"{local}:2", 2),
        ("BEATS_SINKS__BROWSER__PORT", 3),
        ("--set sinks.browser.port", 4),
    ]


def test_settings_cannot_be_changed(house: House) -> None:
    """They are what was checked, for as long as somebody holds them."""
    found = house.load()
    with pytest.raises(ValueError, match="frozen"):
        found.sinks["browser"].enabled = False
    with pytest.raises(TypeError):
        found.sinks["more"] = found.sinks["browser"]  # type: ignore[index]  # that is what is tested
    with pytest.raises(AttributeError):
        found.profile = "other"  # type: ignore[misc]  # as above


def test_reading_a_setting_is_reading_an_attribute(house: House) -> None:
    """Elsewhere each read goes through hooks, at up to 8 µs; here it is a plain object's."""
    found: ProfileSettings = house.load()
    assert "max_topics" in vars(found.kernel)
    assert type(vars(found.kernel)["max_topics"]) is int
    assert type(found.kernel).__getattribute__ is object.__getattribute__
