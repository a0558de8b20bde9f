import pytest

from beats.config.layers.arguments import key_parts, override_layer, set_layers, source_layer
from beats.config.layers.merging import Level, Text


def test_a_set_is_a_path_and_a_value() -> None:
    """Divided at the first equals sign; the value is text, blanks included."""
    [layer], problems = set_layers(["sinks.rec.path= a=b "])
    assert problems == []
    assert layer.tree == {"sinks": {"rec": {"path": Text(" a=b ")}}}
    assert (layer.level, layer.where) == (Level.SET, "--set sinks.rec.path")


def test_a_path_is_a_key_as_toml_writes_it() -> None:
    """With quotes where a bare key cannot hold a name."""
    [layer], _ = set_layers(['sinks.rec.labels."a.b"=1'])
    assert layer.tree == {"sinks": {"rec": {"labels": {"a.b": Text("1")}}}}


def test_a_value_may_be_empty() -> None:
    """It empties a list."""
    [layer], _ = set_layers(["sinks.browser.origins="])
    assert layer.tree == {"sinks": {"browser": {"origins": Text("")}}}


@pytest.mark.parametrize("text", ["", "=", "=1", "sinks.browser.port", "a..b=1", "a b=1", "a\nb=2", "a.=1"])
def test_the_message_for_a_wrong_form_shows_the_right_one(text: str) -> None:
    """With an example."""
    layers, [problem] = set_layers([text])
    assert layers == []
    assert problem.where == "--set"
    assert "PATH=VALUE" in problem.message
    assert "--set sinks.browser.port=9000" in problem.message


def test_overrides_are_copied() -> None:
    """Later changes to the caller's mapping have no effect."""
    inner: dict[str, object] = {"port": 1}
    layer = override_layer({"sinks": {"browser": inner}})
    inner["port"] = 2
    assert layer.tree == {"sinks": {"browser": {"port": 1}}}
    assert layer.level is Level.SET


def test_variables_override_sources_of_the_command_line() -> None:
    """Such as `BEATS_SOURCES__PICTURE__FPS`."""
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
def test_a_key_is_split_as_in_toml(key: str, parts: tuple[str, ...] | None) -> None:
    """Quotes work as in `--set`."""
    assert key_parts(key) == parts
