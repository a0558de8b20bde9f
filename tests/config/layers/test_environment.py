import pytest

from beats.config.layers.environment import (
    SHORT_VARIABLES,
    nested,
    read_variables,
    short_layers,
    unknown_warning,
    variable_name,
)
from beats.config.layers.merging import Layer, Level, Table, Text, merge

LOWER = merge([
    Layer(
        Level.PROFILE,
        "x.toml",
        {"sinks": {"Browser": {"headers": {"X-Name": "a"}}, "front-left": {"type": "null"}}},
    )
])  # fmt: skip
PATHS = [("kernel", "log_level"), ("sinks", "browser", "port"), ("sinks", "front-left", "queue", "size")]


def tree_of(name: str, lower: Table = LOWER) -> object:
    [layer] = read_variables({name: "v"}, lower).layers
    assert layer.level is Level.VARIABLE
    assert layer.where == name
    return layer.tree


def test_a_variable_sets_the_key_that_it_spells() -> None:
    """Two underscores stand between the parts, one within them."""
    assert tree_of("BEATS_KERNEL__LOG_LEVEL") == {"kernel": {"log_level": Text("v")}}


def test_a_name_is_matched_without_regard_to_letter_case() -> None:
    """Variables are in upper case by custom, names in TOML as their author likes."""
    assert tree_of("BEATS_SINKS__BROWSER__PORT") == {"sinks": {"Browser": {"port": Text("v")}}}


def test_an_underscore_stands_for_a_hyphen_that_is_there() -> None:
    """No variable's name can hold a hyphen."""
    assert tree_of("BEATS_SINKS__FRONT_LEFT__ENABLED") == {"sinks": {"front-left": {"enabled": Text("v")}}}
    assert tree_of("BEATS_SINKS__BROWSER__HEADERS__X_NAME") == {
        "sinks": {"Browser": {"headers": {"X-Name": Text("v")}}}
    }


def test_the_exact_name_comes_before_one_that_is_alike() -> None:
    """Both `a_b` and `a-b` may exist."""
    lower = merge([Layer(Level.PROFILE, "x", {"sinks": {"a-b": {}, "a_b": {}}})])
    assert tree_of("BEATS_SINKS__A_B__PORT", lower) == {"sinks": {"a_b": {"port": Text("v")}}}


def test_a_variable_that_could_mean_two_names_is_a_problem() -> None:
    """Picking one would change the wrong sink in silence."""
    lower = merge([Layer(Level.PROFILE, "x", {"sinks": {"Wall": {}, "WALL": {}}})])
    found = read_variables({"BEATS_SINKS__WALL__PORT": "1"}, lower)
    assert found.layers == []
    [problem] = found.problems
    assert problem.where == "BEATS_SINKS__WALL__PORT"
    assert "Wall, WALL" in problem.message


def test_what_no_file_names_is_created_in_lower_case() -> None:
    """A sink can be made of variables alone."""
    assert tree_of("BEATS_SINKS__NEW__TYPE") == {"sinks": {"new": {"type": Text("v")}}}


def test_the_more_precise_variable_is_the_higher_layer() -> None:
    """The order of the environment does not matter."""
    names = ["BEATS_SINKS__A__QUEUE__SIZE", "BEATS_SINKS__A__QUEUE", "BEATS_SINKS__A"]
    for order in (names, names[::-1]):
        layers = read_variables(dict.fromkeys(order, "v"), LOWER).layers
        assert [layer.where for layer in layers] == names[::-1]


@pytest.mark.parametrize(
    "name",
    [
        "BEATS_SINKS_BROWSER_PORT",
        "BEATS_SINK__BROWSER__PORT",
        "BEATS_SINKS",
        "BEATS_SINKS__",
        "BEATS_SINKS____PORT",
        "BEATS_",
        "BEATS_WEBSOCKT_PORT",
    ],
)
def test_a_variable_that_means_nothing_is_told_apart(name: str) -> None:
    """It is not taken for a setting, and it does not pass in silence."""
    found = read_variables({name: "v"}, LOWER)
    assert found.layers == []
    assert found.unknown == [name]


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "BEAT_X",
        "beats_sinks__a__b",
        "BEATS_PROFILE",
        "BEATS_CONFIG_DIR",
        "BEATS_TOKEN",
        "BEATS_NATS_URL",
        *SHORT_VARIABLES,
    ],
)
def test_other_variables_are_left_alone(name: str) -> None:
    """What belongs to others, or is read elsewhere, is neither a setting nor unknown."""
    assert read_variables({name: "v"}, LOWER) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BEATS_SINKS_BROWSER_PORT", "BEATS_SINKS__BROWSER__PORT"),
        ("BEATS_SINK__BROWSER__PORT", "BEATS_SINKS__BROWSER__PORT"),
        ("BEATS_SINKS_FRONT_LEFT_QUEUE_SIZE", "BEATS_SINKS__FRONT_LEFT__QUEUE__SIZE"),
        ("BEATS_KERNEL_LOGLEVEL", "BEATS_KERNEL__LOG_LEVEL"),
        ("BEATS_WEBSOCKET__PORT", "BEATS_WEBSOCKET_PORT"),
        ("BEATS_PROFIL", "BEATS_PROFILE"),
    ],
)
def test_the_warning_names_the_variable_that_was_meant(name: str, meant: str) -> None:
    """A single underscore is the commonest slip."""
    assert unknown_warning(name, PATHS) == f"{name}: unknown variable, ignored; did you mean {meant}?"


def test_a_warning_does_not_guess_wildly() -> None:
    """A variable like no other gets no suggestion."""
    assert unknown_warning("BEATS_XYZZY", PATHS) == "BEATS_XYZZY: unknown variable, ignored"


def test_the_name_of_a_variable_follows_from_the_key() -> None:
    """The messages and the reader agree."""
    assert variable_name(["sinks", "front-left", "queue", "size"]) == "BEATS_SINKS__FRONT_LEFT__QUEUE__SIZE"


def test_each_short_variable_is_a_layer_of_its_own() -> None:
    """So that a fault in it names it."""
    layers = short_layers(
        {"BEATS_STREAM_QUEUE_SIZE": "4", "BEATS_WEBSOCKET_HOST": "wall"}, "sinks", "browser"
    )
    assert layers == [
        Layer(
            Level.SHORT_VARIABLE,
            "BEATS_STREAM_QUEUE_SIZE",
            nested(["sinks", "browser", "queue", "size"], Text("4")),
        ),
        Layer(
            Level.SHORT_VARIABLE,
            "BEATS_WEBSOCKET_HOST",
            nested(["sinks", "browser", "public_host"], Text("wall")),
        ),
    ]
