"""A JSON Schema (draft 2020-12) of profile files, with which editors complete and check TOML.

A profile is one of several layers, so no key is required: another layer may give a type or a path. Only
`beats config check` can tell whether all layers together are valid.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast, get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from beats.config.layers.profiles import EXTENDS
from beats.config.layers.references import REFERENCE_PATTERN
from beats.config.schema import BASES, GROUPS, Adapters, Group, descriptions, members
from beats.config.settings import KernelSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF: Final = "#/$defs/"
_NOT_TEXT: Final = ("integer", "number", "boolean", "array")
_MODE: Final[JsonSchemaMode] = "validation"
_Json = dict[str, Any]


def profile_schema(adapters: Adapters) -> _Json:
    """The schema of a profile with all installed sources and sinks."""
    models = _models(adapters)
    named: list[type[BaseModel]] = [KernelSettings, *BASES.values(), *models.values()]
    refs, document = models_json_schema([(model, _MODE) for model in dict.fromkeys(named)])
    known: _Json = document.get("$defs", {})
    _describe(known, refs, named)
    names = {model: str(ref["$ref"]).removeprefix(_REF) for (model, _), ref in refs.items()}
    defs: _Json = {name: _without_null(schema) for name, schema in known.items()}
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
            EXTENDS: {
                "type": "string",
                "description": "Name of the profile that this one extends.",
            },
            "kernel": {"$ref": f"{_REF}{names[KernelSettings]}"},
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


def _describe(known: _Json, refs: Mapping[Any, _Json], models: list[type[BaseModel]]) -> None:
    """Add the help text of each setting, nested tables included."""
    by_title: dict[str, type[BaseModel]] = {}
    for model in models:
        by_title |= {each.__name__: each for each in _nested(model)}
    by_name = {str(ref["$ref"]).removeprefix(_REF): model for (model, _), ref in refs.items()}
    for name, schema in known.items():
        described = by_name.get(name) or by_title.get(schema.get("title", ""))
        helps = descriptions(described) if described is not None else {}
        for key, part in schema.get("properties", {}).items():
            if key in helps:
                part["description"] = helps[key]


def _nested(annotation: Any, depth: int = 6) -> Iterator[type[BaseModel]]:
    for member in members(annotation):
        if depth and isinstance(member, type) and issubclass(member, BaseModel):
            yield member
            for field in member.model_fields.values():
                yield from _nested(field.annotation, depth - 1)
        elif depth:
            for part in get_args(member):
                yield from _nested(part, depth - 1)


def _without_null(schema: object) -> Any:
    """A schema for TOML: without null, required keys, and titles, which only repeat the key."""
    if isinstance(schema, list):
        return [_without_null(part) for part in cast(list[object], schema)]
    if not isinstance(schema, dict):
        return schema
    plain: _Json = {}
    for key, value in cast(dict[str, object], schema).items():
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
