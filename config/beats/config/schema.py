"""What the typed settings tell about a key: its type, its neighbours, its help text, whether it is secret."""

import ast
import inspect
import re
import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol, Union, cast, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr

from beats.config.settings import KernelSettings, PixelSettings, SinkSettings, SourceSettings

Group = Literal["sources", "sinks"]
GROUPS: Final[tuple[Group, ...]] = ("sources", "sinks")
TABLES: Final[Mapping[str, type[BaseModel]]] = {"kernel": KernelSettings, "pixels": PixelSettings}
"""The tables that every profile has once, each with its settings."""
SECTIONS: Final = (*TABLES, *GROUPS)
BASES: Final[Mapping[Group, type[BaseModel]]] = {"sources": SourceSettings, "sinks": SinkSettings}
"""Settings of all sources and all sinks; used where the adapter's own settings are unknown."""
_DEEPEST: Final = 5  # levels of nested settings to walk, so that a model may contain itself

_USER_INFO: Final = re.compile(r"://[^/?#\s]*@")  # RFC 3986, section 3.2.1


class AdapterKey(NamedTuple):
    """The place of a source or sink in the settings."""

    group: Group
    name: str


class Adapters(Protocol):
    """Tells which adapters there are, and what each one declares."""

    def names(self, group: Group) -> Sequence[str]:
        """The types of a group."""
        ...

    def settings(self, group: Group, type_name: str) -> type[BaseModel]:
        """The typed settings of a type.

        Raises:
            LookupError: there is no such adapter.
            ImportError: it needs a package that is not installed; the message says what to install.
        """
        ...

    def env_aliases(self, group: Group, type_name: str) -> Mapping[str, str]:
        """The variables that act on all adapters of a type, each with the key that it sets.

        Raises:
            LookupError, ImportError: as `settings`.
        """
        ...


def members(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, in the order written, without None: TOML has no null."""
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
    """Whether a type is a table with free keys."""
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, Mapping)


def inside(annotation: Any, key: str | int) -> Any:
    """The type expected at a key of a table or an index of an array; Any when unknown."""
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
    if get_origin(sequence) is tuple and args and args[-1] is not Ellipsis:  # a type for each position
        return args[index] if index < len(args) else Any
    return args[0] if args else Any


def expected_at(annotation: Any, path: Sequence[str | int]) -> Any:
    """The type expected at a path below a type."""
    for key in path:
        annotation = inside(annotation, key)
    return annotation


def known_keys(annotation: Any) -> tuple[str, ...]:
    """The known keys of a table."""
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
    """Whether a text, or one in a list, is an address that holds a user name or password."""
    if isinstance(value, str):
        return _USER_INFO.search(value) is not None
    return isinstance(value, list | tuple) and any(map(holds_password, cast(Iterable[Any], value)))


def key_paths(annotation: Any, depth: int = _DEEPEST) -> Iterator[tuple[str, ...]]:
    """The path of every key of a table and of the tables in it."""
    for member in members(annotation):
        if depth and is_model(member):
            for key, field in member.model_fields.items():
                yield (key,)
                yield from ((key, *path) for path in key_paths(field.annotation, depth - 1))


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The help text of each field that has one, on one line: the string below the field.

    Pydantic can collect these (`use_attribute_docstrings`), but then reads the source of every class at every
    start, at 2.5 ms each. Here they are read on demand.
    """
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= {name: text for name, text in _texts(cls).items() if name in model.model_fields}
    given = {name: field.description for name, field in model.model_fields.items()}
    found |= {name: text for name, text in given.items() if text}
    return {name: " ".join(text.split()) for name, text in found.items()}


def _texts(cls: type) -> dict[str, str]:
    """The string after each annotated name in the body of a class."""
    try:
        body = _bodies(sys.modules[cls.__module__]).get(cls.__qualname__, [])
    except (KeyError, OSError, TypeError, SyntaxError, ValueError):
        return {}  # the class was made without a source file
    texts: dict[str, str] = {}
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[field.target.id] = text.value.value
    return texts


@lru_cache(maxsize=1000)
def _bodies(module: types.ModuleType) -> Mapping[str, list[ast.stmt]]:
    """The body of each class in a module, by its qualified name.

    `inspect.getsource` of a class reads the whole module for each class: that took half of `beats adapters`.
    """
    found: dict[str, list[ast.stmt]] = {}

    def visit(parent: ast.AST, path: str) -> None:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.ClassDef):
                found.setdefault(path + node.name, node.body)  # of two with one name, the first
                visit(node, f"{path}{node.name}.")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                visit(node, f"{path}{node.name}.<locals>.")
            elif not isinstance(node, ast.expr):
                visit(node, path)

    visit(ast.parse(inspect.getsource(module)), "")
    return found
