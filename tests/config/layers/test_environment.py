import pytest

from beats.config.layers.environment import alias_layers, read_variables, unknown_warning, variable_name
from beats.config.layers.merging import Layer, Level, Text, merge, nested
from tests.config.fakes import ALIASES, WebsocketSettings

LOWER = merge([
    Layer(
        Level.PROFILE,
        "x.toml",
        {"sinks": {"Browser": {"headers": {"X-Name": "a"}}, "front-left": {"type": "null"}}},
    )
])  # fmt: skip
PATHS = [("kernel", "log_level"), ("sinks", "browser", "port"), ("sinks", "front-left", "queue", "size")]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("BEATS_KERNEL__LOG_LEVEL", ["kernel", "log_level"]),
        ("BEATS_SINKS__BROWSER__PORT", ["sinks", "Browser", "port"]),
        ("BEATS_SINKS__BROWSER__HEADERS__X_NAME", ["sinks", "Browser", "headers", "X-Name"]),
        ("BEATS_SINKS__FRONT_LEFT__ENABLED", ["sinks", "front-left", "enabled"]),
        ("BEATS_SINKS__NEW__TYPE", ["sinks", "new", "type"]),
    ],
)
def test_a_variable_sets_the_key_that_it_spells(name: str, path: list[str]) -> None:
    """In the letter case of the files, `_` also matching `-`; new names in lower case."""
    [layer] = read_variables({name: "v"}, LOWER).layers
    assert layer == Layer(Level.VARIABLE, name, nested(path, Text("v")))


def test_an_exact_name_comes_before_a_similar_one() -> None:
    """Both `a_b` and `a-b` may exist."""
    lower = merge([Layer(Level.PROFILE, "x", {"sinks": {"a-b": {}, "a_b": {}}})])
    [layer] = read_variables({"BEATS_SINKS__A_B__PORT": "v"}, lower).layers
    assert layer.tree == {"sinks": {"a_b": {"port": Text("v")}}}


def test_a_variable_that_matches_two_names_is_a_problem() -> None:
    """A choice between them might change the wrong sink."""
    lower = merge([Layer(Level.PROFILE, "x", {"sinks": {"Wall": {}, "WALL": {}}})])
    found = read_variables({"BEATS_SINKS__WALL__PORT": "1"}, lower)
    assert found.layers == []
    [problem] = found.problems
    assert problem.where == "BEATS_SINKS__WALL__PORT"
    assert "Wall, WALL" in problem.message


def test_the_more_specific_variable_is_the_higher_layer() -> None:
    """Whatever the order of the environment."""
    names = ["BEATS_SINKS__A__QUEUE__SIZE", "BEATS_SINKS__A__QUEUE", "BEATS_SINKS__A"]
    for order in (names, names[::-1]):
        layers = read_variables(dict.fromkeys(order, "v"), LOWER).layers
        assert [layer.where for layer in layers] == names[::-1]


@pytest.mark.parametrize(
    ("names", "is_ours"),
    [
        ("BEATS_SINKS_BROWSER_PORT BEATS_SINK__BROWSER__PORT BEATS_WEBSOCKET_PORT", True),
        ("BEATS_SINKS BEATS_SINKS__ BEATS_SINKS____PORT BEATS_", True),
        ("PATH beats_sinks__a__b BEATS_PROFILE BEATS_CONFIG_DIR BEATS_TOKEN BEATS_NATS_URL", False),
    ],
)
def test_a_variable_that_names_no_setting_is_returned_by_name(names: str, is_ours: bool) -> None:
    """It may be an alias or a mistake; variables of other programs and those read elsewhere are ignored."""
    for name in names.split():
        assert read_variables({name: "v"}, LOWER) == ([], [name] if is_ours else [], [])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BEATS_SINKS_BROWSER_PORT", "BEATS_SINKS__BROWSER__PORT"),
        ("BEATS_SINK__BROWSER__PORT", "BEATS_SINKS__BROWSER__PORT"),
        ("BEATS_SINKS_FRONT_LEFT_QUEUE_SIZE", "BEATS_SINKS__FRONT_LEFT__QUEUE__SIZE"),
        ("BEATS_KERNEL_LOGLEVEL", "BEATS_KERNEL__LOG_LEVEL"),
        ("BEATS_WEBSOCKET__PORT", "BEATS_WEBSOCKET_PORT"),
        ("BEATS_PROFIL", "BEATS_PROFILE"),
        ("BEATS_XYZZY", None),
    ],
)
def test_the_warning_names_the_most_similar_variable(name: str, meant: str | None) -> None:
    """A missing underscore is the most common mistake; a variable like no other gets no suggestion."""
    hint = f"; did you mean {meant}?" if meant else ""
    assert unknown_warning(name, ALIASES, PATHS) == f"{name}: unknown variable, ignored{hint}"


def test_the_name_of_a_variable_follows_from_the_key() -> None:
    """Messages use it."""
    assert variable_name(["sinks", "front-left", "queue", "size"]) == "BEATS_SINKS__FRONT_LEFT__QUEUE__SIZE"


def test_each_alias_is_a_layer() -> None:
    """A fault in it names the variable; a blank one counts as not set where text is expected."""
    environ = {"BEATS_STREAM_QUEUE_SIZE": "4", "BEATS_WEBSOCKET_HOST": " ", "BEATS_WEBSOCKET_PORT": ""}
    assert alias_layers(ALIASES, WebsocketSettings, environ, "sinks", "browser") == [
        Layer(
            Level.SHORT_VARIABLE,
            "BEATS_STREAM_QUEUE_SIZE",
            nested(["sinks", "browser", "queue", "size"], Text("4")),
        ),
        Layer(Level.SHORT_VARIABLE, "BEATS_WEBSOCKET_PORT", nested(["sinks", "browser", "port"], Text(""))),
    ]
