from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import Field, SecretStr, create_model, field_validator, model_validator

from beats.config.checks.messages import check
from beats.config.errors import Problem
from beats.config.layers.casting import fit
from beats.config.layers.merging import Layer, Level, LineNumbers, merge
from beats.config.settings import Settings


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Login(Settings):
    user: str = ""
    token: SecretStr | None = None


class Door(Settings):
    login: Login | None = None
    token: SecretStr | None = None
    width: int | Literal["auto"] = "auto"
    steps: tuple[int, ...] = ()
    even: int = 0
    size: tuple[int, int] | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    turn: Literal[0, 90] | tuple[Literal[0, 90], ...] = 0
    level: Literal["DEBUG", "INFO"] = "INFO"
    colour: Colour = Colour.RED

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


def problems(model: type[Settings], tree: Mapping[str, object]) -> list[Problem]:
    found = check(model, merge([Layer(Level.PROFILE, "x.toml", tree)]), ["sinks", "door"])
    assert isinstance(found, list), "nothing is wrong"
    return found


def problem(model: type[Settings], tree: Mapping[str, object]) -> Problem:
    [found] = problems(model, tree)
    return found


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, "x", "must be a whole number"),
        (int, True, "must be a whole number"),
        (int, 1.0, "must be a whole number"),
        (float, "x", "must be a number"),
        (float, True, "must be a number"),
        (float, float("inf"), "must be a finite number"),
        (float, float("nan"), "must be a finite number"),
        (str, 12345678, "must be text, in quotes"),
        (bool, 1, "must be true or false"),
        (bool, "true", "must be true or false"),
        (list[int], 3, "must be an array, such as [1, 2]"),
        (tuple[int, ...], 3, "must be an array, such as [1, 2]"),
        (
            tuple[Annotated[str, Field(min_length=1)], ...],
            "a",
            'must be an array of texts, such as ["a", "b"]',
        ),
        (list[Path], "a", 'must be an array of texts, such as ["a", "b"]'),
        (dict[str, int], 3, "must be a table, such as { key = 1 }"),
        (Login, 3, "must be a table, such as { key = 1 }"),
        (Path, 3, "must be a path, in quotes"),
        (Annotated[int, Field(ge=1)], 0, "must be at least 1"),
        (Annotated[int, Field(gt=1)], 1, "must be more than 1"),
        (Annotated[int, Field(le=9)], 10, "must be at most 9"),
        (Annotated[int, Field(lt=9)], 9, "must be less than 9"),
        (Annotated[int, Field(multiple_of=2)], 9, "must be a multiple of 2"),
        (Annotated[str, Field(min_length=1)], "", "must not be empty"),
        (Annotated[str, Field(min_length=2)], "", "must have at least 2 characters"),
        (Annotated[str, Field(max_length=2)], "abc", "must have at most 2 characters"),
        (Annotated[str, Field(pattern="^a$")], "b", "must match the pattern ^a$"),
        (Annotated[list[int], Field(min_length=1)], [], "must not be empty"),
        (Annotated[list[int], Field(max_length=1)], [1, 2], "must have at most 1 items"),
        (Literal["a", "b"], "zzz", "must be one of a, b"),
        (Colour, "zzz", "must be one of red, green"),
    ],
)
def test_the_message_says_what_is_allowed(annotation: Any, value: object, message: str) -> None:
    """In words for operators."""
    model = create_model("Model", __base__=Settings, key=(annotation, ...))
    found = problem(model, {"key": fit(value, annotation)})
    assert (found.where, found.key, found.message) == ("x.toml", "sinks.door.key", message)
    assert found.value is not None


def test_other_faults_have_the_message_of_pydantic() -> None:
    """A rare type of setting."""
    model = create_model("Model", __base__=Settings, key=(complex, ...))
    assert "complex" in problem(model, {"key": "x"}).message


def test_a_missing_key_has_no_value() -> None:
    """Its origin is that of the table."""
    model = create_model("Model", __base__=Settings, path=(str, ...))
    assert problem(model, {})[:5] == ("x.toml", "sinks.door.path", None, "is required", None)


@pytest.mark.parametrize(
    ("tree", "key", "value", "message", "meant"),
    [
        ({"widht": 3}, "widht", "3", "unknown key", "width"),
        ({"login": {"usr": "x"}}, "login.usr", '"x"', "unknown key", "user"),
        ({"colour": "reed"}, "colour", '"reed"', "must be one of red, green", "red"),
        ({"level": "debug"}, "level", '"debug"', "must be one of DEBUG, INFO", "DEBUG"),
        ({"width": "wide"}, "width", '"wide"', "must be a whole number, or must be one of auto", None),
        ({"steps": (1, 2, "x")}, "steps.2", '"x"', "must be a whole number", None),
        ({"even": 3}, "even", "3", "must be even", None),
        ({"size": (64,)}, "size", "[64]", "must have 2 items, such as [1, 2]", None),
        ({"size": ()}, "size", "[]", "must have 2 items, such as [1, 2]", None),
        ({"size": (1, 2, 3)}, "size", "[1, 2, 3]", "must have 2 items, such as [1, 2]", None),
        ({"sizes": ((1, 2), (3,))}, "sizes.1", "[3]", "must have 2 items, such as [1, 2]", None),
        ({"turn": (0, 45)}, "turn.1", "45", "must be one of 0, 90", None),
        ({"turn": (0, -90)}, "turn.1", "-90", "must be one of 0, 90", None),
    ],
)
def test_a_problem_has_key_value_message_and_the_nearest_name(
    tree: dict[str, object], key: str, value: str, message: str, meant: str | None
) -> None:
    """At any depth; one for a value that fits none of several types; validators write their own messages."""
    assert problem(Door, tree)[:5] == ("x.toml", f"sinks.door.{key}", value, message, meant)


def test_the_message_for_an_unknown_key_lists_the_known_ones() -> None:
    """Where none is similar."""
    model = create_model("Model", __base__=Settings, path=(str, ""), size=(int, 0))
    assert problem(model, {"zzz": 3}).message == "unknown key; known are: path, size"


@pytest.mark.parametrize(
    "tree",
    [
        {"token": 12345},
        {"login": {"token": 12345}},
        {"login": "12345"},
        {"tokn": "12345"},
        {"login": {"tokn": "12345"}},
        {"login": {"pin": "12345"}},
    ],
)
def test_a_secret_is_never_shown(tree: dict[str, object]) -> None:
    """Not in a wrong value, in a misspelt key, or in place of the table that holds it."""
    found = problem(Door, tree)
    assert found.value == "********"
    assert "12345" not in str(found)


@pytest.mark.parametrize("key", ["even", "steps", "zzz"])
def test_an_address_with_a_password_is_never_shown(key: str) -> None:
    """It is a secret in any setting."""
    assert problem(Door, {key: "nats://ann:12345@host"}).value == "********"


def test_an_array_of_wrong_items_is_not_called_empty() -> None:
    """Each item is reported."""
    items: Any = Annotated[tuple[Annotated[int, Field(le=1)], ...], Field(min_length=2)]
    model = create_model("Model", __base__=Settings, key=(items, ...))
    assert [found.key for found in problems(model, {"key": (2, 1)})] == ["sinks.door.key.0"]
    assert problem(model, {"key": (1,)}).message == "must have at least 2 items"


def test_everything_wrong_is_reported() -> None:
    """In one pass."""
    keys = [found.key for found in problems(Door, {"even": "x", "steps": 3, "zzz": 1})]
    assert keys == ["sinks.door.steps", "sinks.door.even", "sinks.door.zzz"]


class Gate(Settings):
    kind: str = "slow"
    cert: Path | None = None
    key: Path | None = None
    token: SecretStr | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "wrong":
            raise ValueError("it fits nothing")
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key go together")
        if self.token is not None and self.kind == "slow":
            raise ValueError("token is for another kind")
        return self


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"cert": Path("a")}, 'x.toml:2: gate.cert = "a": cert and key go together'),
        ({"token": "hush"}, "x.toml:4: gate.token = ********: token is for another kind"),
        ({"token": "hush", "kind": "slow"}, "x.toml:4, x.toml:1: gate: token is for another kind"),
        ({"kind": "wrong"}, "x.toml: gate: it fits nothing"),
    ],
)
def test_settings_that_do_not_fit_are_looked_for_by_the_names_in_the_message(
    own: dict[str, object], said: str
) -> None:
    """In the user's own lines, as the lowest layer has its place in every profile."""
    lines: LineNumbers = {(name,): number for number, name in enumerate(("kind", "cert", "key", "token"), 1)}
    layers = [Layer(Level.SHIPPED, "default.toml", {"kind": "slow"})]
    layers.append(Layer(Level.PROFILE, "x.toml", own, lines))
    found = check(Gate, merge(layers), ["gate"])
    assert isinstance(found, list)
    assert [str(each) for each in found] == [said]
