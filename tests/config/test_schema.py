from typing import Any, Optional

import pytest
from pydantic import BaseModel, Field, create_model

from beats.config.schema import (
    descriptions,
    expected_at,
    holds_password,
    holds_secret,
    inside,
    key_paths,
)
from beats.config.settings import SinkSettings
from tests.config.fakes import WebsocketSettings


class Tree(BaseModel):
    name: str = ""
    left: Optional["Tree"] = None


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


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        (["nats://ann:hush@host:1", "nats://hush@host", "wss://:hush@h/x", ["a", "x://u:p@h"]], True),
        (["nats://host:1", "ws://h/a@b", "ws://h?a@b", "ann@host", ["a"], 1, None], False),
    ],
)
def test_an_address_may_hold_a_password(values: list[object], holds: bool) -> None:
    """In any setting, also in a list; not an @ in a path, in a query or in a text that is no address."""
    assert {holds_password(value) for value in values} == {holds}


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
