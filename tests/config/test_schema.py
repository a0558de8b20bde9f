from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, SecretStr, create_model
from typing_extensions import TypeAliasType

from beats.config.schema import (
    descriptions,
    expected_at,
    holds_password,
    holds_secret,
    inside,
    is_sequence,
    key_paths,
    members,
)
from beats.config.settings import KernelSettings, SinkSettings
from tests.config.fakes import WebsocketSettings

Port = TypeAliasType("Port", Annotated[int, Field(ge=0)])


class Tree(BaseModel):
    name: str = ""
    left: Optional["Tree"] = None


class Login(BaseModel):
    users: dict[str, SecretStr] = {}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int,)),
        (int | None, (int,)),
        (Annotated[int | str, "note"], (int, str)),
        (Port, (int,)),
        (Port | None, (int,)),
        (type(None), ()),
    ],
)
def test_the_types_of_an_annotation_are_found(annotation: Any, expected: tuple[Any, ...]) -> None:
    """Metadata, type aliases and None are left out."""
    assert members(annotation) == expected


def test_the_type_of_a_key_is_found_in_nested_settings() -> None:
    """Through optional tables, tables with free keys, and arrays; Any where it is unknown."""
    assert expected_at(WebsocketSettings, ["client_queue", "size"]) is int
    assert expected_at(WebsocketSettings, ["origins", 3]) is str
    assert inside(dict[str, int], "any") is int
    assert inside(tuple[int, str], 1) is str
    assert inside(tuple[int, str], 7) is Any
    assert inside(dict, "any") is Any
    assert inside(list, 0) is Any
    assert expected_at(WebsocketSettings, ["no", "such"]) is Any


def test_text_is_not_an_array() -> None:
    """Nor is a table or a choice."""
    assert is_sequence(list[str])
    assert is_sequence(frozenset)
    assert not is_sequence(str)
    assert not is_sequence(dict[str, int])
    assert not is_sequence(Literal["a"])


def test_secrets_are_found_at_any_depth() -> None:
    """A table that holds a secret is secret."""
    assert holds_secret(SecretStr | None)
    assert holds_secret(WebsocketSettings)
    assert holds_secret(Login)
    assert not holds_secret(KernelSettings)


@pytest.mark.parametrize(
    "value", ["nats://ann:hush@host:1", "nats://hush@host", "wss://:hush@h/x", ["a", "x://u:p@h"]]
)
def test_an_address_may_hold_a_password(value: object) -> None:
    """In any setting, also in a list."""
    assert holds_password(value)


@pytest.mark.parametrize(
    "value", ["nats://host:1", "ws://h/a@b", "ws://h?a@b", "ann@host", ["a"], 1, None, {}]
)
def test_an_at_sign_elsewhere_is_not_a_password(value: object) -> None:
    """In a path, a query, or a text that is not an address."""
    assert not holds_password(value)


def test_every_key_has_a_path() -> None:
    """Also tables and the keys in them, to a fixed depth: settings may contain themselves."""
    paths = set(key_paths(Tree))
    assert ("left", "left", "name") in paths
    assert max(map(len, paths)) == 5
    assert {("queue",), ("queue", "size"), ("queue", "frame", "overflow")} <= set(key_paths(SinkSettings))
    assert not holds_secret(Tree)


class RateSettings(SinkSettings):
    rate: int = 1
    """How often,
    in Hz."""
    plain: int = 2
    given: int = Field(3, description="given")
    """Not this."""


class DerivedSettings(RateSettings):
    rate: int = 4
    """Replaced."""


def test_the_string_below_a_field_is_its_help() -> None:
    """On one line; a description given to the field replaces it, as does one in a subclass."""
    found = descriptions(RateSettings)
    assert (found["rate"], found["given"]) == ("How often, in Hz.", "given")
    assert "plain" not in found
    assert found["enabled"] == descriptions(SinkSettings)["enabled"]
    assert descriptions(DerivedSettings)["rate"] == "Replaced."


def test_a_class_without_source_has_only_inherited_help() -> None:
    """It was made at run time."""
    found = descriptions(create_model("Made", __base__=RateSettings, more=(int, 1)))
    assert "more" not in found
    assert found["rate"] == "How often, in Hz."
