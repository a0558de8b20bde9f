import pytest

from beats.config.layers.arguments import key_parts, override_layer, set_layers, source_layer
from beats.config.layers.merging import Level, Text


def test_a_set_is_a_path_and_a_value() -> None:
    """The first equals sign divides them; the value is text, blanks and all."""
    [layer], problems = set_layers(["sinks.rec.path= a=b "])
    assert problems == []
    assert layer.tree == {"sinks": {"rec": {"path": Text(" a=b ")}}}
    assert (layer.level, layer.where) == (Level.SET, "--set sinks.rec.path")


def test_a_path_is_a_key_as_toml_writes_it() -> None:
    """Quotes hold what a bare key cannot."""
    [layer], _ = set_layers(['sinks.rec.labels."a.b"=1'])
    assert layer.tree == {"sinks": {"rec": {"labels": {"a.b": Text("1")}}}}


def test_an_empty_value_is_a_value() -> None:
    """It is how a list is emptied."""
    [layer], _ = set_layers(["sinks.browser.origins="])
    assert layer.tree == {"sinks": {"browser": {"origins": Text("")}}}


@pytest.mark.parametrize("text", ["", "=", "=1", "sinks.browser.port", "a..b=1", "a b=1", "a\nb=2", "a.=1"])
def test_a_set_of_the_wrong_form_is_told_the_right_one(text: str) -> None:
    """The message holds an example."""
    layers, [problem] = set_layers([text])
    assert layers == []
    assert problem.where == "--set"
    assert "PATH=VALUE" in problem.message
    assert "--set sinks.browser.port=9000" in problem.message


def test_overrides_are_copied() -> None:
    """A caller that goes on using its mapping changes nothing."""
    inner: dict[str, object] = {"port": 1}
    layer = override_layer({"sinks": {"browser": inner}})
    inner["port"] = 2
    assert layer.tree == {"sinks": {"browser": {"port": 1}}}
    assert layer.level is Level.SET


def test_sources_of_the_command_line_lie_below_the_variables() -> None:
    """`BEATS_SOURCES__PICTURE__FPS` still has a say."""
    layer = source_layer({"picture": {"type": "images"}})
    assert layer.tree == {"sources": {"picture": {"type": "images"}}}
    assert Level.LOCAL < layer.level < Level.SHORT_VARIABLE


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("sinks.browser.port", ("sinks", "browser", "port")),
        (' sinks . "a.b" ', ("sinks", "a.b")),
        ("", None),
        ("a..b", None),
        ("a = 1\nb", None),
    ],
)
def test_a_key_is_taken_apart_as_toml_does(key: str, parts: tuple[str, ...] | None) -> None:
    """So quotes work as in `--set`."""
    assert key_parts(key) == parts
