"""The order of the layers. What goes wrong with layers elsewhere is in test_traps."""

import pytest

from beats.config.layers.merging import Level
from beats.config.layers.profiles import SHIPPED
from beats.config.load import read_layers
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
