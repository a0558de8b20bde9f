"""What the typed settings say about a key: what is expected there, its neighbours, whether it is secret."""

import re
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, Protocol, Union, cast, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from beats.config.settings import SinkSettings, SourceSettings

Group = Literal["sources", "sinks"]
GROUPS: Final[tuple[Group, ...]] = ("sources", "sinks")
SECTIONS: Final = ("kernel", *GROUPS)
BASES: Final[Mapping[Group, type[BaseModel]]] = {"sources": SourceSettings, "sinks": SinkSettings}
"""What all sources and all sinks have; used alone while the adapter's own settings are not known."""
_DEEPEST: Final = 5  # levels of nested settings that are walked, so that a model may contain itself

_USER_INFO: Final = re.compile(r"://[^/?#\s]*@")  # RFC 3986, section 3.2.1


class Adapters(Protocol):
    """Finds the typed settings of an adapter."""

    def names(self, group: Group) -> Sequence[str]:
        """What there is, for messages."""
        ...

    def settings(self, group: Group, type_name: str) -> type[BaseModel]:
        """The settings of one adapter.

        Raises:
            LookupError: there is no such adapter.
            ImportError: it needs a package that is not installed; the message says what to install.
        """
        ...


def members(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, in the order written; None is left out, for TOML has no null."""
    if hasattr(annotation, "__value__"):  # `type X = …`; typing_extensions' form of it on Python 3.11
        return members(annotation.__value__)
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return tuple(found for part in get_args(annotation) for found in members(part))
    return () if annotation is type(None) else (annotation,)


def is_model(annotation: Any) -> bool:
    """Whether a type is a table with known keys."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_sequence(annotation: Any) -> bool:
    """Whether a type is written as an array."""
    origin = get_origin(annotation) or annotation
    return (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, str | bytes | bytearray | Mapping | PurePath)
    )


def is_mapping(annotation: Any) -> bool:
    """Whether a type is a table with keys of the user's choice."""
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, Mapping)


def inside(annotation: Any, key: str | int) -> Any:
    """What is expected at a key of a table or an index of an array; Any when nothing is known of it."""
    for member in members(annotation):
        if is_model(member) and key in member.model_fields:
            return member.model_fields[key].annotation
        if is_mapping(member) and isinstance(key, str):
            return (*get_args(member), Any, Any)[1]
        if is_sequence(member) and isinstance(key, int):
            return _item(member, key)
    return Any


def _item(sequence: Any, index: int) -> Any:
    args = get_args(sequence)
    if get_origin(sequence) is tuple and args and args[-1] is not Ellipsis:  # a type for each place
        return args[index] if index < len(args) else Any
    return args[0] if args else Any


def expected_at(annotation: Any, path: Sequence[str | int]) -> Any:
    """What is expected at a path below a type."""
    for key in path:
        annotation = inside(annotation, key)
    return annotation


def known_keys(annotation: Any) -> tuple[str, ...]:
    """The keys of a table that has known ones."""
    return tuple(key for member in members(annotation) if is_model(member) for key in member.model_fields)


def holds_secret(annotation: Any, depth: int = _DEEPEST) -> bool:
    """Whether a value of this type, or anything in it, must not be shown."""
    for member in members(annotation):
        if member in (SecretStr, SecretBytes):
            return True
        below = (
            [field.annotation for field in member.model_fields.values()]
            if is_model(member)
            else get_args(member)
        )
        if depth and any(holds_secret(part, depth - 1) for part in below):
            return True
    return False


def holds_password(value: Any) -> bool:
    """Whether a text, or one in a list, is an address with somebody's name or password in it."""
    if isinstance(value, str):
        return _USER_INFO.search(value) is not None
    return isinstance(value, list | tuple) and any(map(holds_password, cast(Iterable[Any], value)))


def key_paths(annotation: Any, depth: int = _DEEPEST) -> Iterator[tuple[str, ...]]:
    """Every key of a table and of the tables in it."""
    for member in members(annotation):
        if depth and is_model(member):
            for key, field in member.model_fields.items():
                yield (key,)
                yield from ((key, *path) for path in key_paths(field.annotation, depth - 1))
