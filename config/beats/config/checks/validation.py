"""Checks raw layers and makes the typed, frozen settings of them; no I/O.

Everything that is wrong is reported at once. What is switched off is checked as well, so that a profile
does not rot; only a package or adapter that is missing for it is no fault.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar, cast

from pydantic import BaseModel

from beats.config.checks.assembly import (
    AdapterKey,
    adapter_types,
    add_short_variables,
    fit_layer,
    start_afresh,
)
from beats.config.checks.messages import check
from beats.config.checks.oddities import no_texts, odd_variables
from beats.config.errors import Problem, SettingsError, dotted, nearest, shown
from beats.config.layers.environment import SHORT_VARIABLES, ShortSettings, short_layers, unknown_warning
from beats.config.layers.extends import EXTENDS
from beats.config.layers.merging import Layer, Leaf, Node, Table, child, merge, where
from beats.config.schema import BASES, SECTIONS, Adapters, Group, key_paths
from beats.config.settings import KernelSettings, ProfileSettings, SinkSettings, SourceSettings

_SettingsT = TypeVar("_SettingsT", bound=BaseModel)
_EXAMPLES: Final[Mapping[str, str]] = {
    "kernel": 'log_level = "INFO"',
    "sources": 'demo = { type = "demo" }',
    "sinks": 'browser = { type = "websocket" }',
}


class Raw(NamedTuple):
    """What was read, before anything is known of its meaning."""

    profile: str
    """The profile's name."""
    layers: Sequence[Layer]
    """Lowest first."""
    environ: Mapping[str, str]
    """For the variables that act on every sink of a type."""
    unknown: Sequence[str]
    """Variables that begin as ours do and mean nothing."""
    problems: Sequence[Problem]
    """What was wrong already, to be reported with the rest."""
    warnings: Sequence[str]
    """What was odd already."""


class Inspected(NamedTuple):
    """All that a check found, right or wrong."""

    profile: str
    """The profile's name."""
    root: Table
    """All layers as one, each value with where it came from."""
    kernel: KernelSettings | None
    """None when something in it is wrong."""
    sources: Mapping[str, SourceSettings]
    """The enabled ones in which nothing is wrong."""
    sinks: Mapping[str, SinkSettings]
    """Likewise."""
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...]

    def settings(self) -> ProfileSettings:
        """What a run needs.

        Raises:
            SettingsError: holds everything that is wrong.
        """
        if self.problems or self.kernel is None:
            raise SettingsError(self.problems, self.warnings)
        return ProfileSettings(
            self.profile,
            self.kernel,
            MappingProxyType(dict(self.sources)),
            MappingProxyType(dict(self.sinks)),
            self.warnings,
        )


class Validation:
    """One pass over one profile."""

    def __init__(self, adapters: Adapters, raw: Raw) -> None:
        self._adapters = adapters
        self._raw = raw
        self._problems = list(raw.problems)
        self._warnings = list(raw.warnings)
        self._models: dict[AdapterKey, type[BaseModel]] = {}
        self._unusable: dict[AdapterKey, str] = {}
        """Why there are no settings to be had for an adapter's type."""

    def run(self) -> ProfileSettings:
        """The settings.

        Raises:
            SettingsError: holds everything that is wrong.
        """
        return self.inspect().settings()

    def inspect(self) -> Inspected:
        """All that there is to find."""
        layers = add_short_variables(start_afresh(self._raw.layers), self._checked_short_variables())
        self._problems += dict.fromkeys(no_texts(layers))
        for key, kind in adapter_types(layers).items():
            if kind is not None:
                self._find_model(key, kind)
        root = merge(fit_layer(layer, self._models) for layer in layers)
        self._check_sections(root)
        kernel = self._check(KernelSettings, child(root, "kernel") or Table({}), ["kernel"])
        sources = self._check_group("sources", child(root, "sources"))
        sinks = self._check_group("sinks", child(root, "sinks"))
        self._warn_of_unknown_variables()
        checked = {"kernel": kernel, "sources": sources, "sinks": sinks}
        self._warnings += dict.fromkeys(odd_variables(layers, checked))
        return Inspected(
            self._raw.profile,
            root,
            kernel,
            # Every model was seen to derive from its group's base before it was used.
            cast(dict[str, SourceSettings], sources),
            cast(dict[str, SinkSettings], sinks),
            tuple(self._problems),
            tuple(self._warnings),
        )

    def _checked_short_variables(self) -> dict[str, str]:
        """The short variables without the wrong ones, which are reported here once, not for each sink."""
        place = AdapterKey("sinks", "*")
        root = merge(
            fit_layer(layer, {place: ShortSettings}) for layer in short_layers(self._raw.environ, *place)
        )
        before = len(self._problems)
        self._check(ShortSettings, child(child(root, place.group), place.name) or Table({}), place)
        wrong = {problem.where for problem in self._problems[before:]}
        return {
            name: value
            for name, value in self._raw.environ.items()
            if name in SHORT_VARIABLES and name not in wrong
        }

    def _find_model(self, key: AdapterKey, kind: str) -> None:
        try:
            model = self._adapters.settings(key.group, kind)
        except LookupError:
            self._unusable[key] = f"no such type; known are: {', '.join(self._adapters.names(key.group))}"
        except (ImportError, TypeError) as error:  # TypeError: somebody's adapter breaks the contract
            self._unusable[key] = str(error)
        else:
            base = BASES[key.group]
            if issubclass(model, base):
                self._models[key] = model
            else:
                self._unusable[key] = f"the settings of this adapter must derive from {base.__name__}"

    def _check_sections(self, root: Table) -> None:
        for name, node in root.children.items():
            if name == EXTENDS:
                message = "stands at the top of a profile's own file, nowhere else"
                self._problems.append(Problem(where(node), name, None, message))
            elif name not in SECTIONS:
                meant = nearest(name, SECTIONS)
                message = "unknown table" if meant else f"unknown table; known are: {', '.join(SECTIONS)}"
                self._problems.append(Problem(where(node), dotted([name]), None, message, meant))

    def _check(self, model: type[_SettingsT], node: Node, key: Sequence[str]) -> _SettingsT | None:
        """The settings of one table; None when something in it is wrong."""
        if isinstance(node, Leaf):
            self._must_be_table(node, key, _EXAMPLES[key[0]])
            return None
        result = check(model, node, key)
        if isinstance(result, list):
            self._problems += result
            return None
        return result

    def _must_be_table(self, leaf: Leaf, key: Sequence[str], example: str) -> None:
        # The value stays unseen: as text in a variable it may be a whole table with a secret in it.
        message = f"must be a table, such as {{ {example} }}"
        self._problems.append(Problem(where(leaf), dotted(key), None, message))

    def _check_group(self, group: Group, node: Node | None) -> dict[str, BaseModel]:
        if isinstance(node, Leaf):
            self._must_be_table(node, [group], _EXAMPLES[group])
        if not isinstance(node, Table):
            return {}
        found: dict[str, BaseModel] = {}
        for name, below in node.children.items():
            key = AdapterKey(group, name)
            if not re.fullmatch(r"[\w-]+", name):
                message = "a name is made of letters, digits, '_' and '-'"
                self._problems.append(Problem(where(below), dotted(key), None, message))
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
            return self._check(self._models[key], table, key)
        elif not isinstance(kind, Leaf) or not isinstance(kind.value, str):
            value = shown(kind.value) if isinstance(kind, Leaf) else None
            self._problems.append(
                Problem(where(kind), dotted([*key, "type"]), value, "must be text, in quotes")
            )
        else:
            self._report_unusable(key, kind, kind.value, is_off=_is_off(table))
        return None

    def _report_missing_type(self, key: AdapterKey, table: Table, siblings: Table) -> None:
        named = [name for name, node in siblings.children.items() if child(node, "type") is not None]
        meant = nearest(key.name, named)
        if _is_off(table) and len(table.children) == 1:
            # One local.toml may switch off what only some of the profiles have.
            hint = f"; did you mean '{meant}'?" if meant else ""
            self._warnings.append(
                f"{where(table)}: {dotted(key)} is switched off, but nothing names it{hint}"
            )
        elif meant:
            message = "has no type in any layer"
            self._problems.append(Problem(where(table), dotted(key), None, message, meant))
        else:
            message = f"is required; known are: {', '.join(self._adapters.names(key.group))}"
            self._problems.append(Problem(where(table), dotted([*key, "type"]), None, message))

    def _report_unusable(self, key: AdapterKey, leaf: Leaf, kind: str, *, is_off: bool) -> None:
        names = self._adapters.names(key.group)
        meant = None if kind in names else nearest(kind, names)
        problem = Problem(where(leaf), dotted([*key, "type"]), shown(kind), self._unusable[key], meant)
        if not is_off:
            self._problems.append(problem)
        elif kind not in names:
            self._warnings.append(f"{problem} (switched off, so nothing is lost)")

    def _warn_of_unknown_variables(self) -> None:
        paths = [("kernel", *path) for path in key_paths(KernelSettings)]
        for key, model in self._models.items():
            paths += [(*key, *path) for path in key_paths(model)]
        self._warnings += [unknown_warning(name, paths) for name in self._raw.unknown]


def _is_off(table: Table) -> bool:
    enabled = child(table, "enabled")
    return isinstance(enabled, Leaf) and enabled.value is False
