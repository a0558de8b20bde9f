import pytest

from beats.config.layers.arguments import override_layer, set_layers, source_layer
from beats.config.layers.merging import Layer, Level, Text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("sinks.rec.path= a=b ", {"sinks": {"rec": {"path": Text(" a=b ")}}}),
        ('sinks.rec."a.b"=1', {"sinks": {"rec": {"a.b": Text("1")}}}),
        ("sinks.browser.origins=", {"sinks": {"browser": {"origins": Text("")}}}),
    ],
)
def test_a_set_is_a_toml_key_and_a_text(text: str, tree: dict[str, object]) -> None:
    """Divided at the first equals sign; the text is kept as it is, and may be empty."""
    where = f"--set {text.partition('=')[0]}"
    assert set_layers([text]) == ([Layer(Level.SET, where, tree)], [])


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
