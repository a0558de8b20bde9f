"""Lists the settings in effect, each with its origin and the values that it overrides."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, cast

from pydantic import BaseModel

from beats.config.checks.validation import Inspected
from beats.config.errors import MASK
from beats.config.layers.merging import Leaf, Node, Step, Table, child
from beats.config.schema import GROUPS, AdapterKey, holds_password, holds_secret
from beats.config.toml_text import key_text


class Setting(NamedTuple):
    """One setting in effect."""

    path: tuple[str, ...]
    value: object
    """The typed value; None where there is none."""
    is_secret: bool
    """Whether the value must not be shown."""
    steps: tuple[Step, ...]
    """The values that layers gave, lowest layer first; none for a default."""

    @property
    def key(self) -> str:
        """The full dotted key."""
        return key_text(*self.path)

    def shown(self, value: object) -> object:
        """A value of this setting, as plain data, or the mask of a secret."""
        is_secret = self.is_secret or holds_password(value)
        return MASK if is_secret and value is not None else _plain(value)


def settings_of(found: Inspected) -> list[Setting]:
    """The settings of the kernel, of pixels and of every enabled source and sink, defaults included.

    Of a disabled source or sink, only `type` and `enabled`. Written to one file, these settings have the same
    effect as all the layers.

    Raises:
        SettingsError: there is a problem in the settings.
    """
    profile = found.settings()
    result = [
        *_of_model(profile.kernel, child(found.root, "kernel"), ("kernel",)),
        *_of_model(profile.pixels, child(found.root, "pixels"), ("pixels",)),
    ]
    for group in GROUPS:
        tables = child(found.root, group)
        running: Mapping[str, BaseModel] = profile.sources if group == "sources" else profile.sinks
        children: Mapping[str, Node] = tables.children if isinstance(tables, Table) else {}
        for name, table in children.items():
            key = AdapterKey(group, name)
            result += _of_model(running[name], table, key) if name in running else _switched_off(table, key)
    return result


def below(settings: Iterable[Setting], path: tuple[str, ...]) -> list[Setting]:
    """The setting at a path, or all settings in the table there."""
    return [setting for setting in settings if setting.path[: len(path)] == path]


def keys_of(settings: Iterable[Setting]) -> list[str]:
    """The keys of all settings and tables."""
    paths = [setting.path[:depth] for setting in settings for depth in range(1, len(setting.path) + 1)]
    return [key_text(*path) for path in dict.fromkeys(paths)]


def differences(
    one: Iterable[Setting], other: Iterable[Setting]
) -> list[tuple[Setting | None, Setting | None]]:
    """The settings whose values differ between two profiles, or that only one of them has.

    Defaults of a source or sink that only one of them has are left out.
    """
    ours = {setting.path: setting for setting in one}
    theirs = {setting.path: setting for setting in other}
    pairs = [(ours.get(path), theirs.get(path)) for path in dict.fromkeys([*ours, *theirs])]
    return [(a, b) for a, b in pairs if _differ(a, b)]


def _differ(a: Setting | None, b: Setting | None) -> bool:
    if a is not None and b is not None:
        return a.value != b.value
    return any(setting is not None and bool(setting.steps) for setting in (a, b))


def _of_model(model: BaseModel, node: Node | None, path: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in type(model).model_fields.items():
        yield from _of_value(
            getattr(model, name), child(node, name), (*path, name), holds_secret(field.annotation)
        )


def _of_value(value: object, node: Node | None, path: tuple[str, ...], is_secret: bool) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        yield from _of_model(value, node, path)
    elif isinstance(value, Mapping) and value:
        for key, item in cast(Mapping[str, object], value).items():
            yield from _of_value(item, child(node, key), (*path, key), is_secret)
    else:
        is_secret = is_secret or holds_password(value)
        yield Setting(path, value, is_secret, node.steps if isinstance(node, Leaf) else ())


def _switched_off(node: Node, key: AdapterKey) -> Iterator[Setting]:
    for name in ("type", "enabled"):
        leaf = child(node, name)
        if isinstance(leaf, Leaf):
            yield Setting((*key, name), leaf.value, False, leaf.steps)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        items = {name: _plain(getattr(value, name)) for name in type(value).model_fields}
        return {name: item for name, item in items.items() if item is not None}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in cast(Iterable[object], value)]
    return value
