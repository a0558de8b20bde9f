"""A JSON Schema (draft 2020-12) of profile files, with which editors complete and check TOML.

A profile is one of several layers, so no key is required: another layer may give a type or a path. Only
`beats config check` can tell whether all layers together are valid.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core.core_schema import ModelSchema

from beats.config.layers.profiles import EXTENDS
from beats.config.layers.references import REFERENCE_PATTERN
from beats.config.schema import BASES, GROUPS, TABLES, Adapters, Group, descriptions

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF: Final = "#/$defs/"
_NOT_TEXT: Final = ("integer", "number", "boolean", "array")
_MODE: Final[JsonSchemaMode] = "validation"
_Json = dict[str, Any]


def profile_schema(adapters: Adapters) -> _Json:
    """The schema of a profile with all installed sources and sinks."""
    models = _models(adapters)
    named: list[type[BaseModel]] = [*TABLES.values(), *BASES.values(), *models.values()]
    refs, document = models_json_schema(
        [(model, _MODE) for model in dict.fromkeys(named)], schema_generator=_WithHelp
    )
    names = {model: str(ref["$ref"]).removeprefix(_REF) for (model, _), ref in refs.items()}
    defs: _Json = {name: _without_null(schema) for name, schema in document["$defs"].items()}
    for group in GROUPS:
        for name in adapters.names(group):
            model = models.get((group, name))
            defs[f"{group}.{name}"] = _adapter(name, defs[names[model]] if model else {"type": "object"})
        defs[group] = _any_adapter(group, adapters.names(group))
        defs[f"{group}.named"] = _named_tables(group)
    root: _Json = {
        "$schema": DIALECT,
        "title": "A profile of Beats",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            EXTENDS: {"type": "string", "description": "Name of the profile that this one extends."},
            **{table: {"$ref": f"{_REF}{names[model]}"} for table, model in TABLES.items()},
            **{group: {"$ref": f"{_REF}{group}.named"} for group in GROUPS},
        },
    }
    return {**root, "$defs": _needed(root, defs)}


def _models(adapters: Adapters) -> dict[tuple[Group, str], type[BaseModel]]:
    """The settings of each adapter that can be imported here."""
    found: dict[tuple[Group, str], type[BaseModel]] = {}
    for group in GROUPS:
        for name in adapters.names(group):
            try:
                found[group, name] = adapters.settings(group, name)
            except (ImportError, LookupError, TypeError):
                continue
    return found


class _WithHelp(GenerateJsonSchema):
    """Adds the help text of each setting."""

    def model_schema(self, schema: ModelSchema) -> _Json:
        found = super().model_schema(schema)
        texts = descriptions(schema["cls"])
        for key, part in found.get("properties", {}).items():
            if key in texts:
                part["description"] = texts[key]
        return found


def _without_null(schema: object) -> Any:
    """A schema for TOML: without null, required keys, and titles, which only repeat the key."""
    if isinstance(schema, list):
        return [_without_null(part) for part in cast(list[object], schema)]
    if not isinstance(schema, dict):
        return schema
    plain: _Json = {}
    table = cast(dict[str, object], schema)
    last = "" if "properties" in table else "description"  # the help of a setting follows its type
    for key, value in sorted(table.items(), key=lambda item: item[0] == last):
        if key == "properties":
            plain[key] = {
                name: _or_reference(_without_null(part)) for name, part in cast(_Json, value).items()
            }
        elif key == "default" and value is not None:
            plain[key] = _default(value)
        elif key not in ("required", "title", "default"):
            plain[key] = _without_null(value)
    choices = [choice for choice in plain.pop("anyOf", []) if choice != {"type": "null"}]
    return (
        {**choices[0], **plain} if len(choices) == 1 else {**({"anyOf": choices} if choices else {}), **plain}
    )


def _or_reference(schema: _Json) -> _Json:
    """Allow a reference to a variable in place of a value that is not text.

    JSON Schema ignores the bounds of a number for text, and a pattern for a number.
    """
    if (kind := schema.get("type")) not in _NOT_TEXT:
        return schema
    return {**schema, "type": [kind, "string"], "pattern": REFERENCE_PATTERN}


def _default(value: object) -> object:
    if isinstance(value, dict):
        items = cast(dict[str, object], value).items()
        return {key: _default(item) for key, item in items if item is not None}
    return value


def _adapter(name: str, schema: _Json) -> _Json:
    """The settings of one type."""
    properties = schema.get("properties", {})
    given = {key: value for key, value in properties.get("type", {}).items() if key == "description"}
    return {**schema, "properties": {**properties, "type": {"const": name, **given}}}


def _any_adapter(group: Group, names: Sequence[str]) -> _Json:
    """A table with a type has the settings of that type; one without, those of any type."""
    refs = {name: {"$ref": f"{_REF}{group}.{name}"} for name in names}
    types = [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": ref}
        for name, ref in refs.items()
    ]
    return {
        "type": "object",
        "properties": {"type": {"enum": list(refs)}},
        "allOf": [*types, {"if": {"not": {"required": ["type"]}}, "then": {"anyOf": list(refs.values())}}],
    }


def _named_tables(group: Group) -> _Json:
    return {
        "type": "object",
        "description": f"The {group}: a table for each, with a name of your choice.",
        "propertyNames": {"pattern": r"^[\w-]+$"},
        "additionalProperties": {"$ref": f"{_REF}{group}"},
    }


def _needed(root: _Json, defs: _Json) -> _Json:
    """The definitions that the root refers to, directly or indirectly."""
    found: set[str] = set()
    todo = list(_refs(root))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _refs(defs[name])
    return {name: schema for name, schema in sorted(defs.items()) if name in found}


def _refs(schema: object) -> Iterator[str]:
    if isinstance(schema, list):
        for part in cast(list[object], schema):
            yield from _refs(part)
    elif isinstance(schema, dict):
        for key, part in cast(dict[str, object], schema).items():
            if key == "$ref" and isinstance(part, str):
                yield part.removeprefix(_REF)
            else:
                yield from _refs(part)
