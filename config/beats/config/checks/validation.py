"""Checks raw layers and makes the typed, frozen settings of them; no I/O.

All problems are reported at once. What is switched off is checked too, so that it stays valid; only a missing
package or adapter type is no problem there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar, cast

from pydantic import BaseModel

from beats.config.checks.messages import NO_ALIASES, check
from beats.config.checks.texts import stray_character_warnings, undecodable
from beats.config.errors import Problem, SettingsError, dotted, nearest, shown
from beats.config.layers.assembly import adapter_types, drop_settings_of_old_types, fit_layer, in_order
from beats.config.layers.environment import alias_layers, unknown_warning
from beats.config.layers.merging import Layer, Leaf, Level, Node, Table, child, merge, where
from beats.config.layers.profiles import EXTENDS, SHIPPED
from beats.config.layers.references import variables_in
from beats.config.schema import BASES, GROUPS, SECTIONS, TABLES, AdapterKey, Adapters, Group, key_paths
from beats.config.settings import (
    KernelSettings,
    PixelSettings,
    ProfileSettings,
    SinkSettings,
    SourceSettings,
)

_SettingsT = TypeVar("_SettingsT", bound=BaseModel)
_Type = tuple[Group, str]
_EXAMPLES: Final[Mapping[str, str]] = {
    "kernel": 'log_level = "INFO"',
    "pixels": 'format = "jpeg"',
    "sources": 'demo = { type = "demo" }',
    "sinks": 'browser = { type = "websocket" }',
}


class Raw(NamedTuple):
    """The layers of a profile before the check."""

    profile: str
    """The profile's name."""
    layers: Sequence[Layer]
    """Lowest first."""
    environ: Mapping[str, str]
    """The environment variables, for aliases."""
    others: Sequence[str]
    """Variables that begin with `BEATS_` and name no setting: aliases, referenced ones, or mistakes."""
    referenced: set[str]
    """Variables that files reference."""
    problems: Sequence[Problem]
    """Problems found so far."""
    warnings: Sequence[str]
    """Warnings so far."""


class Inspected(NamedTuple):
    """The result of a check, with or without problems."""

    profile: str
    """The profile's name."""
    root: Table
    """The merged layers, each value with its origin."""
    kernel: KernelSettings | None
    """None when there is a problem in them."""
    pixels: PixelSettings | None
    """None when there is a problem in them."""
    sources: Mapping[str, SourceSettings]
    """The enabled sources without problems."""
    sinks: Mapping[str, SinkSettings]
    """The enabled sinks without problems."""
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]

    def settings(self) -> ProfileSettings:
        """The settings of a run.

        Raises:
            SettingsError: holds every problem.
        """
        if self.problems or self.kernel is None or self.pixels is None:
            raise SettingsError(self.problems, self.warnings)
        return ProfileSettings(
            self.profile,
            self.kernel,
            MappingProxyType(dict(self.sources)),
            MappingProxyType(dict(self.sinks)),
            self.warnings,
            self.pixels,
        )


class Validation:
    """Checks one profile once."""

    def __init__(self, adapters: Adapters, raw: Raw) -> None:
        self._adapters = adapters
        self._raw = raw
        self._problems = list(raw.problems)
        self._warnings = list(raw.warnings)
        self._models: dict[AdapterKey, type[BaseModel]] = {}
        self._unusable: dict[AdapterKey, str] = {}
        """Why the type of an adapter cannot be used."""
        self._uninstalled: set[_Type] = set()
        """The types that cannot be imported, for want of a package."""

    def inspect(self) -> Inspected:
        """Check the settings and collect every problem in them."""
        layers = drop_settings_of_old_types(self._raw.layers)
        types = {key: kind for key, kind in adapter_types(layers).items() if kind is not None}
        for key, kind in types.items():
            model = self._model(key.group, kind)
            if isinstance(model, str):
                self._unusable[key] = model
            else:
                self._models[key] = model
        aliases = self._find_aliases((key.group, kind) for key, kind in types.items())
        valid = {kind: self._check_aliases(kind, found) for kind, found in aliases.items() if found}
        for key, kind in types.items():
            names = valid.get((key.group, kind), {})
            layers += alias_layers(names, self._models.get(key), self._raw.environ, *key)
        layers = in_order(layers)
        not_text = tuple(dict.fromkeys(undecodable(layers)))
        root = merge(fit_layer(layer, self._models) for layer in layers)
        self._check_sections(root)
        kernel = self._check(KernelSettings, child(root, "kernel") or Table({}), ["kernel"])
        pixels = self._check(PixelSettings, child(root, "pixels") or Table({}), ["pixels"])
        sources = self._check_group("sources", child(root, "sources"))
        sinks = self._check_group("sinks", child(root, "sinks"))
        self._warn_of_unknown_variables({name for found in aliases.values() for name in found})
        self._problems = [*not_text, *(each for each in self._problems if not _is_about(each, not_text))]
        checked = {"kernel": kernel, "pixels": pixels, "sources": sources, "sinks": sinks}
        self._warnings += dict.fromkeys(stray_character_warnings(layers, checked))
        return Inspected(
            self._raw.profile,
            root,
            kernel,
            pixels,
            # `_model` made sure that every model derives from the base of its group.
            cast(dict[str, SourceSettings], sources),
            cast(dict[str, SinkSettings], sinks),
            tuple(self._problems),
            tuple(self._warnings),
        )

    def _model(self, group: Group, kind: str) -> type[BaseModel] | str:
        """The settings of an adapter type, or why there are none."""
        try:
            model = self._adapters.settings(group, kind)
        except LookupError:
            return f"no such type; known are: {', '.join(self._adapters.names(group))}"
        except (ImportError, TypeError) as error:  # TypeError: a third-party adapter breaks the contract
            if isinstance(error, ImportError):
                self._uninstalled.add((group, kind))
            return str(error)
        base = BASES[group]
        if not issubclass(model, base):
            return f"the settings of this adapter must derive from {base.__name__}"
        return model

    def _find_aliases(self, used: Iterable[_Type]) -> dict[_Type, Mapping[str, str]]:
        """The aliases that adapter types declare, where any variable may be one."""
        if not self._raw.others:
            return {}
        found = {kind: self._aliases_of(kind) for kind in used}
        if set(self._raw.others) - self._raw.referenced.union(*found.values()):
            # Only such a variable is worth the import of types that the profile does not use.
            every: list[_Type] = [(group, name) for group in GROUPS for name in self._adapters.names(group)]
            found |= {kind: self._aliases_of(kind) for kind in every}
        return found

    def _aliases_of(self, kind: _Type) -> Mapping[str, str]:
        try:
            return self._adapters.env_aliases(*kind)
        except (LookupError, ImportError, TypeError):  # reported where the type is used
            return {}

    def _check_aliases(self, kind: _Type, aliases: Mapping[str, str]) -> Mapping[str, str]:
        """Report the wrong values of aliases, once and not for each adapter; the aliases with right ones."""
        group, name = kind
        model = self._model(group, name)
        if isinstance(model, str):
            return {}
        place = AdapterKey(group, "*")
        layers = alias_layers(aliases, model, self._raw.environ, *place)
        root = merge(fit_layer(layer, {place: model}) for layer in layers)
        table = child(child(root, group), place.name)
        result = check(model, table, place) if isinstance(table, Table) else []
        keys = {dotted([*place, *key.split(".")]) for key in aliases.values()}
        # Other problems are those of an incomplete table: it has no type, for example.
        problems = [problem for problem in result if problem.key in keys] if isinstance(result, list) else []
        self._problems += problems
        wrong = {problem.where for problem in problems}
        return {name: key for name, key in aliases.items() if name not in wrong}

    def _check_sections(self, root: Table) -> None:
        for name, node in root.children.items():
            if name == EXTENDS:
                self._report(node, [name], "is allowed only at the top of a profile's own file")
            elif name not in SECTIONS:
                meant = nearest(name, SECTIONS)
                message = "unknown table" if meant else f"unknown table; known are: {', '.join(SECTIONS)}"
                self._report(node, [name], message, meant=meant)

    def _report(
        self,
        node: Node,
        key: Sequence[str],
        message: str,
        *,
        value: str | None = None,
        meant: str | None = None,
    ) -> None:
        self._problems.append(Problem(where(node), dotted(key), value, message, meant))

    def _check(
        self,
        model: type[_SettingsT],
        node: Node,
        key: Sequence[str],
        aliases: Mapping[str, str] = NO_ALIASES,
    ) -> _SettingsT | None:
        """The settings in a table; None when there is a problem in it."""
        if isinstance(node, Leaf):
            self._must_be_table(node, key, _EXAMPLES[key[0]])
            return None
        result = check(model, node, key, aliases)
        if isinstance(result, list):
            self._problems += result
            return None
        return result

    def _must_be_table(self, leaf: Leaf, key: Sequence[str], example: str) -> None:
        # The value is not shown: text in a variable may be a whole table with a secret in it.
        self._report(leaf, key, f"must be a table, such as {{ {example} }}")

    def _check_group(self, group: Group, node: Node | None) -> dict[str, BaseModel]:
        if isinstance(node, Leaf):
            self._must_be_table(node, [group], _EXAMPLES[group])
        if not isinstance(node, Table):
            return {}
        found: dict[str, BaseModel] = {}
        for name, below in node.children.items():
            key = AdapterKey(group, name)
            if not re.fullmatch(r"[\w-]+", name):
                self._report(below, key, "a name is made of letters, digits, '_' and '-'")
            elif isinstance(below, Leaf):
                self._must_be_table(below, key, f'type = "{self._adapters.names(group)[0]}"')
            else:
                settings = self._check_adapter(key, below, siblings=node)
                if settings is not None and cast(SourceSettings | SinkSettings, settings).enabled:
                    found[name] = settings
        return found

    def _check_adapter(self, key: AdapterKey, table: Table, siblings: Table) -> BaseModel | None:
        kind = child(table, "type")
        if kind is None:
            self._report_missing_type(key, table, siblings)
        elif key in self._models:
            self._warn_if_off(key, table, kind)
            aliases = self._aliases_of((key.group, str(kind.value) if isinstance(kind, Leaf) else ""))
            return self._check(self._models[key], table, key, aliases)
        elif not isinstance(kind, Leaf) or not isinstance(kind.value, str):
            value = shown(kind.value) if isinstance(kind, Leaf) else None
            self._report(kind, [*key, "type"], "must be text, in quotes", value=value)
        else:
            self._report_unusable(key, kind, kind.value, is_off=_is_off(table))
        return None

    def _warn_if_off(self, key: AdapterKey, table: Table, kind: Node) -> None:
        """Warn when arguments define an adapter that a file switches off: it would be missed in silence."""
        enabled = child(table, "enabled")
        if (
            _is_off(table)
            and isinstance(enabled, Leaf)
            and isinstance(kind, Leaf)
            and kind.steps[-1].level == Level.SET > enabled.steps[-1].level
        ):
            self._warnings.append(
                f"{where(kind)}: {dotted(key)} is switched off by {where(enabled)}: "
                f"set {dotted(key)}.enabled = true as well"
            )

    def _report_missing_type(self, key: AdapterKey, table: Table, siblings: Table) -> None:
        named = [name for name, node in siblings.children.items() if child(node, "type") is not None]
        meant = nearest(key.name, named)
        if _is_off(table) and len(table.children) == 1:
            # One local.toml may switch off a sink that only some of the profiles have.
            hint = f"; did you mean '{meant}'?" if meant else ""
            self._warnings.append(
                f"{where(table)}: {dotted(key)} is switched off, but no layer defines it{hint}"
            )
        elif meant:
            self._report(table, key, "has no type in any layer", meant=meant)
        else:
            known = ", ".join(self._adapters.names(key.group))
            self._report(table, [*key, "type"], f"is required; known are: {known}")

    def _report_unusable(self, key: AdapterKey, leaf: Leaf, kind: str, *, is_off: bool) -> None:
        names = self._adapters.names(key.group)
        meant = None if kind in names else nearest(kind, names)
        problem = Problem(where(leaf), dotted([*key, "type"]), shown(kind), self._unusable[key], meant)
        problem = problem._replace(lacks_package=(key.group, kind) in self._uninstalled)
        if not is_off:
            self._problems.append(problem)
        elif kind not in names:
            self._warnings.append(f"{problem} (ignored, because it is switched off)")

    def _warn_of_unknown_variables(self, aliases: set[str]) -> None:
        paths = [(name, *path) for name, model in TABLES.items() for path in key_paths(model)]
        for key, model in self._models.items():
            paths += [(*key, *path) for path in key_paths(model)]
        unknown = [name for name in self._raw.others if name not in aliases | self._raw.referenced]
        if unknown:
            meant_for_others = variables_in(SHIPPED)
            self._warnings += [
                unknown_warning(name, aliases, paths) for name in unknown if name not in meant_for_others
            ]


def _is_off(table: Table) -> bool:
    enabled = child(table, "enabled")
    return isinstance(enabled, Leaf) and enabled.value is False


def _is_about(problem: Problem, others: Iterable[Problem]) -> bool:
    """Whether another problem names the same setting, so that this one only says the same again."""
    return any(f"{problem.key}.".startswith(f"{other.key}.") for other in others)
