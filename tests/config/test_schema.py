from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field, SecretStr
from typing_extensions import TypeAliasType

from beats.config.schema import (
    expected_at,
    holds_password,
    holds_secret,
    inside,
    is_sequence,
    key_paths,
    known_keys,
    members,
)
from beats.config.settings import KernelSettings, QueueSettings, SinkSettings
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
def test_an_annotation_is_seen_through_to_its_types(annotation: Any, expected: tuple[Any, ...]) -> None:
    """Notes, aliases and None say nothing of what can be written."""
    assert members(annotation) == expected


def test_the_place_of_a_key_is_found_through_nested_settings() -> None:
    """Optional tables, tables with free keys and arrays are walked alike."""
    assert expected_at(WebsocketSettings, ["client_queue", "size"]) is int
    assert expected_at(WebsocketSettings, ["origins", 3]) is str
    assert inside(dict[str, int], "any") is int
    assert inside(tuple[int, str], 1) is str
    assert inside(tuple[int, str], 7) is Any
    assert inside(dict, "any") is Any
    assert inside(list, 0) is Any
    assert expected_at(WebsocketSettings, ["no", "such"]) is Any


def test_text_is_no_array() -> None:
    """Text has items too, but is not written as an array."""
    assert is_sequence(list[str])
    assert is_sequence(frozenset)
    assert not is_sequence(str)
    assert not is_sequence(dict[str, int])
    assert not is_sequence(Literal["a"])


def test_the_known_keys_are_those_of_the_settings() -> None:
    """A table with free keys has none."""
    assert known_keys(SinkSettings) == ("type", "enabled", "required", "queue")
    assert known_keys(QueueSettings | None) == tuple(QueueSettings.model_fields)
    assert known_keys(dict[str, int]) == ()


def test_secrets_are_found_wherever_they_are() -> None:
    """A table that holds one must not be shown whole."""
    assert holds_secret(SecretStr | None)
    assert holds_secret(WebsocketSettings)
    assert holds_secret(Login)
    assert not holds_secret(KernelSettings)


@pytest.mark.parametrize(
    "value",
    ["nats://ann:hush@host:1", "nats://hush@host", "wss://:hush@h/x", ["a", "x://u:p@h"], ("a://b@c",)],
)
def test_an_address_may_hold_a_password(value: object) -> None:
    """Whatever setting it stands in."""
    assert holds_password(value)


@pytest.mark.parametrize(
    "value", ["nats://host:1", "ws://h/a@b", "ws://h?a@b", "ann@host", ["a"], 1, None, {}]
)
def test_an_at_sign_elsewhere_makes_no_password(value: object) -> None:
    """It may stand in a path, a query, or in any text."""
    assert not holds_password(value)


def test_settings_may_contain_themselves() -> None:
    """The walk ends though the model does not."""
    paths = set(key_paths(Tree))
    assert ("left", "left", "name") in paths
    assert max(map(len, paths)) == 5
    assert not holds_secret(Tree)


def test_every_key_has_a_path() -> None:
    """Nested tables and their keys are both there: each can be set by a variable."""
    paths = set(key_paths(SinkSettings))
    assert {("type",), ("queue",), ("queue", "size"), ("queue", "frame", "overflow")} <= paths
