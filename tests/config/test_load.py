"""The order of the layers, and what goes wrong with layered settings elsewhere.

Most of these traps are dynaconf's, tried with 3.3; it reads our files, and nothing else of it is used.
"""

import pytest
from pydantic import SecretStr

from beats.config.layers.merging import Level
from beats.config.layers.profiles import SHIPPED
from beats.config.load import inspect_profile, read_layers
from beats.config.output.explain import settings_of
from beats.config.settings import ProfileSettings
from tests.config.fakes import DemoSettings, House, ImagesSettings


def test_each_layer_overrides_the_one_below(house: House) -> None:
    """default.toml, profile, local.toml, short variable, variable, overrides, --set."""
    assert house.browser().port == 8765
    house.write("mine", "[sinks.browser]\nport = 1")
    assert house.browser().port == 1
    house.write("local", "[sinks.browser]\nport = 2")
    assert house.browser().port == 2
    house.environ["BEATS_WEBSOCKET_PORT"] = "3"
    assert house.browser().port == 3
    house.environ["BEATS_SINKS__BROWSER__PORT"] = "4"
    assert house.browser().port == 4
    house.overrides = {"sinks": {"browser": {"port": 5}}}
    assert house.browser().port == 5
    house.sets = ["sinks.browser.port=6"]
    assert house.browser().port == 6
    house.sets.append("sinks.browser.port=7")
    assert house.browser().port == 7


def test_every_layer_has_its_level_and_origin(house: House) -> None:
    """`beats config show` names both."""
    profile = house.write("mine", "")
    local = house.write("local", "")
    raw = read_layers(
        "mine", house.folder, {"BEATS_KERNEL__LOG_LEVEL": "INFO"}, {"kernel": {}}, ["kernel.log_level=INFO"]
    )
    assert [(layer.level, layer.where) for layer in raw.layers] == [
        (Level.SHIPPED, str(SHIPPED / "default.toml")),
        (Level.PROFILE, str(profile)),
        (Level.LOCAL, str(local)),
        (Level.VARIABLE, "BEATS_KERNEL__LOG_LEVEL"),
        (Level.SET, "overrides"),
        (Level.SET, "--set kernel.log_level"),
    ]


def test_overrides_are_as_strict_as_toml(house: House) -> None:
    """A program gives typed values, which are not converted."""
    house.overrides = {"sinks": {"browser": {"port": "9000"}}}
    assert house.problem().where == "overrides"
    house.overrides = {"sinks": {"browser": {"port": 9000, "stall_timeout_s": 3, "origins": ["x"]}}}
    assert (house.browser().stall_timeout_s, house.browser().origins) == (3.0, ("x",))


def test_sources_of_the_command_line_replace_those_of_the_profile(house: House) -> None:
    """`beats run picture.gif`."""
    house.sources = {"picture": {"type": "images", "path": "x.gif"}}
    assert house.load().sources == {"picture": ImagesSettings(type="images", path="x.gif")}
    house.sources["demo"] = {"type": "demo", "fps": 5}
    assert house.load().sources["demo"] == DemoSettings(type="demo", fps=5)
    house.environ = {"BEATS_SOURCES__PICTURE__PATH": "y.gif"}
    assert house.load().sources["picture"] == ImagesSettings(type="images", path="y.gif")
    house.sources, house.environ = {}, {}
    assert house.load().sources == {}


def test_only_the_given_environment_counts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with its own settings ignores the variables of its shell."""
    monkeypatch.setenv("BEATS_SINKS__BROWSER__PORT", "1")
    assert house.browser().port == 8765


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


@pytest.mark.parametrize(
    "text", ["12345678", "1e5", "2024-01-01", "true", "0x1F", "1_000", "nan", "[1]", "@int 3"]
)
@pytest.mark.parametrize("layer", LAYERS)
def test_what_is_text_stays_text(house: House, layer: str, text: str) -> None:
    """Casting makes a number of a token of digits, and a date of a name that looks like one."""
    say(house, layer, "token", text)
    assert house.browser().token == SecretStr(text)


@pytest.mark.parametrize("text", ["True", "true", "1.0", "1e3", "", "0x10", "one", "٣"])
@pytest.mark.parametrize("layer", ["variable", "set"])
def test_only_a_whole_number_is_one(house: House, layer: str, text: str) -> None:
    """Python takes True for 1, and casting makes 1.0 of what is written so."""
    say(house, layer, "port", text)
    problem = house.problem()
    assert (problem.key, problem.message) == ("sinks.browser.port", "must be a whole number")


@pytest.mark.parametrize("layer", LAYERS)
def test_a_misspelt_key_is_refused(house: House, layer: str) -> None:
    """Elsewhere it passes in silence, and the setting that was meant keeps its default."""
    say(house, layer, "hots", "x")
    problem = house.problem()
    assert (problem.key, problem.nearest) == ("sinks.browser.hots", "host")


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
    """They are what was checked, and stay so."""
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
