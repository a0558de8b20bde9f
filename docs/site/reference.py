"""Makes the reference pages of the documentation site from what they describe: commands, settings, modules.

They use the domains of Sphinx (`program`, `option`, a type `setting` of our own), so that each option and
setting has an address, and the search finds it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from inspect import getdoc
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import typer
from rich.text import Text
from typer.main import get_command

import beats.app
from beats.cli import app
from beats.config.toml_text import value_text
from beats.kernel.plugins import Catalogue
from beats.kernel.ports import SinkKind, SourceKind
from beats.runtime.registry import SINKS, SOURCES

_ROOT: Final = Path(__file__).resolve().parents[2]
_SCHEMA: Final = _ROOT / "config/beats/config/beats.schema.json"
FILES: Final = tuple(f"proto/beats/proto/{name}.proto" for name in ("streaming", "input_event"))
"""The files of the repository that the pages show."""
_APP: Final = " ".join(
    sorted(beats.app.__all__, key=lambda name: (not name.endswith("Stream"), name == "AsyncStream"))
)
_MODULES: Final[Mapping[str, tuple[str, str]]] = {
    "beats.app": ("Beats in your own program", _APP),
    "beats.kernel.ports": ("What sinks and sources are, and what they are given", ""),
    "beats.kernel.envelope": ("What is on the bus", ""),
    "beats.kernel.capabilities": ("What sinks and sources may have besides `run`", ""),
    "beats.kernel.resources": ("What sinks and sources need", ""),
    "beats.kernel.stats": ("Counters", ""),
    "beats.kernel.errors": ("Errors", ""),
    "beats.kernel.testing": ("Tests of sinks and sources", ""),
    "beats.kernel.queue.overflow.base": ("Overflow strategies", ""),
    "beats.kernel.run.kernel": ("The kernel itself, for tests and for programs without profiles", ""),
    "beats.kernel.clock": ("The clock", "SystemClock"),
    "beats.config.settings": (
        "Settings of sinks and sources",
        "Settings SinkSettings SourceSettings QueueSettings",
    ),
    "beats.proto.codec": ("The codec", "StreamCodec"),
}
"""What programs and plug-ins may import: for each module what it is about, and the names, if not all."""
_UNITS: Final = {
    "_per_s": "per second",
    "_s": "seconds",
    "_ns": "nanoseconds",
    "_bytes": "bytes",
    "_hz": "hertz",
    "_px": "pixels",
}

_Json = Mapping[str, Any]


class UndocumentedError(Exception):
    """A command, an option or a setting has no description."""


def pages() -> dict[str, str]:
    """The texts of all pages, by their places.

    Raises:
        UndocumentedError: something has no description; names all of it.
    """
    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return {
        "reference/commands.md": commands(get_command(app)),
        "reference/settings.md": settings(
            schema, _adapters("sinks", SINKS, schema) | _adapters("sources", SOURCES, schema)
        ),
        "reference/schema.md": _wire(),
        **_python(),
    }


def commands(root: Any) -> str:
    """The page of a command with all commands below it.

    Raises:
        UndocumentedError: a command, an option or an argument has no help.
    """
    missing: list[str] = []
    text = "".join(_command(root, typer.Context(root, info_name="beats"), missing))
    _refuse(missing)
    return f"# Commands\n{text}"


def _command(command: Any, context: Any, missing: list[str]) -> Iterator[str]:
    path = context.command_path
    if not command.help:
        missing.append(f"command `{path}`")
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"\n## `{path}`\n\n{_markdown(command.help or '')}\n\n```text\n{usage}\n```\n"
    yield f"\n```{{program}} {path}\n```\n"
    for parameter in command.get_params(context):
        if parameter.name == "help" and context.parent is not None:
            continue  # once, at the top
        record = parameter.get_help_record(context)
        if record is None:
            continue  # it is hidden
        names, text = record
        if parameter.param_type_name == "argument":
            names = names.split()[0].strip("[]….")
        if not parameter.help:
            missing.append(f"`{names}` of `{path}`")
        yield f"\n````{{option}} {names}\n{_markdown(text)}\n````\n"
    if command.epilog:
        _, *examples = Text.from_markup(command.epilog).plain.splitlines()
        yield "\n```sh\n" + "".join(f"{line.strip()}\n" for line in examples) + "```\n"
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        yield from _command(below, typer.Context(below, info_name=name, parent=context), missing)


class Adapter(NamedTuple):
    """What its declaration tells of a sink or source."""

    summary: str
    required: frozenset[str]
    """The settings without a default."""
    adjustable: frozenset[str]
    """The settings that change while it runs."""
    variables: Mapping[str, str]
    """By setting, its short environment variable."""
    metrics: Mapping[str, str]


def _adapters(
    group: str, catalogue: Catalogue[SinkKind] | Catalogue[SourceKind], schema: _Json
) -> dict[str, Adapter]:
    """Those in the schema; packages of others may have brought more along."""
    found: dict[str, Adapter] = {}
    for name in (name for name in catalogue.names() if f"{group}.{name}" in schema["$defs"]):
        kind = catalogue.find(name)
        fields = kind.settings.model_fields
        sink = kind if isinstance(kind, SinkKind) else None
        found[f"{group}.{name}"] = Adapter(
            summary=kind.summary,
            required=frozenset(key for key, field in fields.items() if field.is_required()),
            adjustable=sink.adjustable | {"queue"} if sink else frozenset(),
            variables={key: variable for variable, key in sink.env_aliases.items()} if sink else {},
            metrics=kind.metrics,
        )
    return found


def settings(schema: _Json, adapters: Mapping[str, Adapter]) -> str:
    """The page of all settings.

    Args:
        schema: the JSON Schema of profiles.
        adapters: what is declared, by `sinks.TYPE` and `sources.TYPE`.

    Raises:
        UndocumentedError: a table or a setting has no description.
    """
    return _Settings(schema, adapters).text()


class _Settings:
    def __init__(self, schema: _Json, adapters: Mapping[str, Adapter]) -> None:
        self._root: Final = cast(_Json, schema["properties"])
        self._tables: Final = cast(Mapping[str, _Json], schema["$defs"])
        self._adapters: Final = adapters
        self._missing: Final[list[str]] = []
        self._users: Final = self._find_users()

    def text(self) -> str:
        parts = [
            "# All settings\n\n"
            "Each is a key of a profile, a TOML file; [Settings](/settings.md) is the guide. "
            "A sink is a table `[sinks.NAME]` with a name of your choice, a source a table `[sources.NAME]`. "
            "Any setting can also come from an environment variable (`sinks.NAME.port` from "
            "`BEATS_SINKS__NAME__PORT`), from `--set`, and from `overrides` of `Stream.open`.\n",
            "\n## Of every profile\n",
            *(self._entry("profile", key, of) for key, of in self._root.items() if "$ref" not in of),
        ]
        for key, of in self._root.items():
            if "$ref" in of and not key.startswith(("sinks", "sources")):
                parts.append(self._table(_name(of), f"`[{key}]`", key))
        for group, title in (("sinks", "Sink"), ("sources", "Source")):
            parts.append(f"\n## {title}s\n")
            for full in sorted(self._adapters):
                if full.startswith(f"{group}."):
                    parts.append(self._table(full, f"{title} `{full.partition('.')[2]}`", full, "###"))
        parts.append("\n## Tables in tables\n")
        parts += [self._table(name, self._title(name), name, "###") for name in self._users]
        _refuse(self._missing)
        begin, body = parts[0], "".join(parts[1:])
        tables = re.findall(r"^\(([\w-]+)\)=\n\n#+ (.+)$", body, re.MULTILINE)
        # The page is long on a phone, which has no list of headings beside it.
        contents = " · ".join(f"[{title}](#{anchor})" for anchor, title in tables)
        return f"{begin}\n{contents}\n{body}"

    def _find_users(self) -> dict[str, dict[str, list[str]]]:
        """The tables that others hold: by name, then by key, the names of those that have them there."""
        found: dict[str, dict[str, list[str]]] = {}
        for user, table in self._tables.items():
            for key, of in table.get("properties", {}).items():
                for name in _references(of):
                    found.setdefault(name, {}).setdefault(key, []).append(user)
        return {name: found[name] for name in sorted(found, key=lambda name: sorted(found[name]))}

    def _title(self, table: str) -> str:
        keys = self._users[table]
        users = list(dict.fromkeys(user for each in keys.values() for user in each))
        return f"{_and([f'`{key}`' for key in keys])} of {self._those(users)}"

    def _those(self, users: Sequence[str]) -> str:
        for group in ("sinks", "sources"):
            if set(users) == {name for name in self._adapters if name.startswith(f"{group}.")}:
                return f"every {group.removesuffix('s')}"
        names = [key for user in users for key in self._users.get(user, [user.partition(".")[2]])]
        return _and([f"`{name}`" for name in dict.fromkeys(names)])

    def _table(self, name: str, title: str, prefix: str, level: str = "##") -> str:
        table, adapter = self._tables[name], self._adapters.get(name)
        if not table.get("description"):
            self._missing.append(f"table `{name}`")
        about = adapter.summary if adapter else table.get("description", "").removesuffix(".")
        about = f"{about[:1].upper()}{about[1:]}."
        text = f"\n({_anchor(name)})=\n\n{level} {title}\n\n{_markdown(about)}\n"
        for key, of in table.get("properties", {}).items():
            if not (adapter and key == "type"):
                text += self._entry(prefix, key, of, adapter)
        if adapter and adapter.metrics:
            rows = (f"| `{metric}` | {_markdown(meaning)} |\n" for metric, meaning in adapter.metrics.items())
            text += "\n| metric | meaning |\n|---|---|\n" + "".join(rows)
        return text

    def _entry(self, prefix: str, key: str, of: _Json, adapter: Adapter | None = None) -> str:
        if not of.get("description"):
            self._missing.append(f"setting `{prefix}.{key}`")
        facts = [self._type(of)]
        facts += [unit for suffix, unit in _UNITS.items() if key.endswith(suffix)][:1]
        if adapter and key in adapter.required:
            facts.append("required")
        elif "default" in of and (default := self._default(of)) != {}:
            facts.append(f"by default `{value_text(default)}`")
        if adapter and key in adapter.variables:
            facts.append(f"short variable `{adapter.variables[key]}`")
        if adapter and key in adapter.adjustable:
            facts.append("changes while it runs")
        text = f"{_markdown(of.get('description', ''))}\n\n{'; '.join(facts)}\n"
        return f"\n````{{setting}} {prefix}.{key}\n{text}````\n"

    def _default(self, of: _Json) -> object:
        """The default; of a table only what differs from the defaults that its own section shows."""
        default: object = of["default"]
        if "$ref" in of and isinstance(default, dict):
            usual = self._tables[_name(of)]["properties"]
            table = cast(Mapping[str, object], default)
            return {key: value for key, value in table.items() if usual[key].get("default") != value}
        return default

    def _type(self, of: _Json) -> str:
        """What a value may be, in words."""
        if "$ref" in of:
            name = _name(of)
            return f"[table](#{_anchor(name)})" if name in self._users else "table"
        if "anyOf" in of:
            return " or ".join(self._type(each) for each in of["anyOf"])
        if "const" in of:
            return f"`{value_text(of['const'])}`"
        if "enum" in of:
            return _or([f"`{value_text(each)}`" for each in of["enum"]])
        kind = of.get("type")
        if isinstance(kind, list):  # the other one is text that refers to a variable, as any setting may
            kind = cast(list[str], kind)[0]
        if kind == "array":
            if "prefixItems" in of:
                types = [self._type(each) for each in of["prefixItems"]]
                return f"array of {len(types)} ({'; '.join(types if len(set(types)) > 1 else types[:1])})"
            filled = ", not empty" if of.get("minItems") else ""
            return f"array of {self._type(of['items'])}{filled}{_bounds(of, '', 'maxItems', ' items')}"
        if kind == "object":
            return f"table of {self._type(of['additionalProperties'])}"
        if kind == "boolean":
            return "`true` or `false`"
        if kind == "string":
            words = {"password": "secret text", "path": "path"}
            return words.get(of.get("format", ""), "text") + _bounds(of, "", "maxLength", " characters")
        low = "exclusiveMinimum" if "exclusiveMinimum" in of else "minimum"
        return f"{kind or 'any value'}{_bounds(of, low, 'maximum')}"


def _name(of: _Json) -> str:
    return str(of["$ref"]).rpartition("/")[2]


def _references(of: _Json) -> Iterator[str]:
    """The tables that a value may hold."""
    inner = (of.get("items"), of.get("additionalProperties"), *of.get("anyOf", ()))
    if "$ref" in of:
        yield _name(of)
    for each in inner:
        if isinstance(each, dict):
            yield from _references(cast(_Json, each))


def _anchor(table: str) -> str:
    return table.lower().replace(".", "-")


def _bounds(of: _Json, low: str, high: str, unit: str = "") -> str:
    """The bounds of a number, of an array's length or a text's length, as words in front of a blank."""
    words = [
        f"{word} {of[key]:,}{unit}"
        for word, key in (("above" if low == "exclusiveMinimum" else "at least", low), ("at most", high))
        if key in of
    ]
    return f", {', '.join(words)}" if words else ""


def _and(words: Sequence[str], last: str = "and") -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def _or(words: Sequence[str]) -> str:
    return _and(words, "or")


def _markdown(text: str) -> str:
    """Help as Markdown: `<` and brackets outside code are meant as they are."""
    return re.sub(r"(`[^`]*`)|([<\[\]*_])", lambda found: found[1] or f"\\{found[2]}", text)


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        raise UndocumentedError("the reference needs a description of " + ", ".join(missing))


def _python() -> dict[str, str]:
    """A page for each module that programs and plug-ins import, from its docstrings."""
    found = {
        "reference/python/index.md": "# Python modules\n\n"
        "What programs and plug-ins may import, from its docstrings. "
        "[Your own program](/embedding.md) and [Writing plug-ins](/plugins.md) are the guides.\n\n"
        + "".join(f"- [`{module}`]({module}.rst): {about}\n" for module, (about, _) in _MODULES.items())
        + "\n```{toctree}\n:hidden:\n\n"
        + "".join(f"{module}\n" for module in _MODULES)
        + "```\n"
    }
    for module, (_, names) in _MODULES.items():
        title = f"``{module}``"
        text = f"{title}\n{'=' * len(title)}\n\n"
        if names:
            loaded = import_module(module)
            text += f".. module:: {module}\n\n{getdoc(loaded)}\n\n"
            for name in names.split():
                kind = "class" if isinstance(getattr(loaded, name), type) else "function"
                text += f".. auto{kind}:: {name}\n\n"
        else:
            text += f".. automodule:: {module}\n"
        found[f"reference/python/{module}.rst"] = text
    return found


def _wire() -> str:
    """The page of the schema, as it is."""
    text = "# Schema of the wire\n\nIn protobuf's own language; [Protocol](/protocol.md) explains it.\n"
    for file in FILES:
        text += f"\n## `{Path(file).name}`\n\n```{{literalinclude}} /{file}\n:language: protobuf\n```\n"
    return text
