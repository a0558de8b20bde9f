"""The JSON Schema of profiles, tested with an independent validator."""

import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from beats.config.layers.references import REFERENCE_PATTERN
from beats.config.output.json_schema import DIALECT, profile_schema
from beats.config.settings import SinkSettings
from tests.config.fakes import FakeAdapters, NullSettings


class Inner(SinkSettings):
    type: str = "inner"
    level: int | None = None
    """How deep."""


class OddSettings(SinkSettings):
    parts: tuple[Inner, ...] = ()
    pair: tuple[int, str] = (1, "x")
    names: dict[str, float] = {}  # noqa: RUF012 - pydantic copies it
    title: str = "a title"
    """A setting with the name of a JSON Schema keyword."""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    adapters = FakeAdapters("gone").add("sinks", "odd", OddSettings).add("sinks", "twin", NullSettings)
    return profile_schema(adapters)


def faults(schema: dict[str, Any], text: str) -> list[str]:
    validator: Any = Draft202012Validator(schema)
    return sorted(error.message for error in validator.iter_errors(tomllib.loads(text)))


def test_a_key_that_no_type_has_is_refused() -> None:
    """In a table without a type, unless there is a type whose package is not installed."""
    text = "[sinks.x]\nnothing_has_this = 1"
    assert faults(profile_schema(FakeAdapters()), text)
    assert faults(profile_schema(FakeAdapters("gone")), text) == []


def test_it_is_a_schema_of_the_draft_that_it_names(schema: dict[str, Any]) -> None:
    """Draft 2020-12."""
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "extends = 'studio'\n[kernel]\nlog_level = 'DEBUG'\nshutdown_timeout_s = 5",
        "[sinks.browser]\nport = 9000",
        "[sinks.browser]\nenabled = false\n[sources.demo]\nenabled = false",
        "[sinks.a-b_1]\ntype = 'websocket'\nqueue = { frame = { size = 1 } }\nclient_queue = {}\ntoken = 'x'",
        "[sinks.x]\npath = 'y.mcap'",
        "[sinks.x]\ntype = 'odd'\nparts = [{ level = 3 }]\npair = [1, 'x']\nnames = { a = 1.5 }\ntitle = 'y'",
        "[sinks.x]\ntype = 'gone'\nanything = 1",
        "[sinks.x]\ntype = 'twin'",
        "[sources.x]\ntype = 'images'",
        "[sources.x]\nsize = 'auto'",
    ],
)
def test_a_valid_layer_is_accepted(schema: dict[str, Any], text: str) -> None:
    """No key is required, because another layer may give it."""
    assert faults(schema, text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("extends = 3", "is not of type 'string'"),
        ("[kernal]", "'kernal' was unexpected"),
        ("[kernel]\nlog_levl = 'INFO'", "'log_levl' was unexpected"),
        ("[kernel]\nlog_level = 'LOUD'", "is not one of"),
        ("[sinks.x]\ntype = 'websocet'", "is not one of"),
        ("[sinks.x]\ntype = 'websocket'\nprot = 1", "'prot' was unexpected"),
        ("[sinks.x]\ntype = 'null'\nport = 1", "'port' was unexpected"),
        ("[sinks.x]\ntype = 'websocket'\nport = 99999", "greater than the maximum"),
        ("[sinks.x]\ntype = 'websocket'\nqueue = { sise = 1 }", "'sise' was unexpected"),
        ("[sinks.x]\ntype = 'odd'\npair = [1]", "is too short"),
        ("[sinks.'a.b']\ntype = 'null'", "does not match"),
        ("sinks = 3", "is not of type 'object'"),
    ],
)
def test_an_invalid_layer_is_refused(schema: dict[str, Any], text: str, fault: str) -> None:
    """An editor shows a misspelt key or type."""
    found = faults(schema, text)
    assert found
    assert any(fault in each for each in found), found


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ('"${WALL_PORT}"', True),
        ('"${WALL_PORT:-8765}"', True),
        ('"8765"', False),
        ('"port ${WALL_PORT}"', False),
        ('"$WALL_PORT"', False),
    ],
)
def test_a_reference_to_a_variable_is_accepted_for_any_value(
    schema: dict[str, Any], value: str, fits: bool
) -> None:
    """Also for a number or an array, where other text is refused."""
    for place in ("[sinks.x]\ntype = 'websocket'\nport = ", "[sinks.x]\ntype = 'odd'\npair = "):
        assert (faults(schema, place + value) == []) is fits


def test_settings_have_help_and_default(schema: dict[str, Any]) -> None:
    """Editors show them; None is not a default."""
    defs = schema["$defs"]
    size = defs["QueueSettings"]["properties"]["size"]
    assert (size["description"], size["default"]) == ("Largest number of waiting envelopes.", 256)
    assert defs["Inner"]["properties"]["level"] == {
        "description": "How deep.",
        "type": ["integer", "string"],
        "pattern": REFERENCE_PATTERN,
    }
    queue = defs["sinks.websocket"]["properties"]["queue"]
    assert queue["default"]["overflow"] == "drop_oldest"
    assert "frame" not in queue["default"]
    assert defs["sinks.odd"]["properties"]["title"]["default"] == "a title"
    assert "null" not in str(defs["QueueSettings"])


def test_only_used_definitions_are_included(schema: dict[str, Any]) -> None:
    """Each adapter has its own definition, even if two share their settings."""
    assert "NullSettings" not in schema["$defs"]
    assert schema["$defs"]["sinks.twin"]["properties"]["type"]["const"] == "twin"
    assert schema["$defs"]["sinks.null"]["properties"]["type"]["const"] == "null"
