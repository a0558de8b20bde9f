"""Shows settings with their origin: as TOML that can be loaded again, as plain data, as a difference."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, cast

from beats.config.checks.validation import Inspected
from beats.config.errors import shown
from beats.config.layers.merging import Level, Step
from beats.config.layers.profiles import SHIPPED
from beats.config.output.explain import Setting
from beats.config.schema import TABLES
from beats.config.toml_text import comment_text, key_text, value_text

_DEFAULT: Final = "default"
_COLUMN: Final = 48
"""Comments are aligned, up to this column."""
_SECRET: Final = "secret: set it again before you load this"


def as_toml(found: Inspected, settings: Iterable[Setting]) -> str:
    """A TOML document with the effect of all layers, each line with the layer that it came from.

    Settings without a value, which TOML cannot express, and secrets are commented out.
    """
    files = [step for step in found.root.steps if step.level < Level.SOURCES]
    names = dict.fromkeys(file_name(step.where) for step in files)
    lines = [comment_text(f"# Profile {found.profile}: {', then '.join(names)}")]
    for table, members in groupby(settings, key=lambda setting: _table(setting.path)):
        lines += ["", f"[{key_text(*table)}]", *_aligned(members, len(table))]
    return "\n".join(lines) + "\n"


def as_lines(settings: Iterable[Setting], depth: int = 0) -> str:
    """A line for each setting, without the first `depth` parts of its key."""
    return "".join(f"{_assignment(setting, depth)}\n" for setting in settings)


def as_data(settings: Iterable[Setting]) -> list[dict[str, object]]:
    """Data for other programs: each setting with its value, its layer, and the values that it overrides."""
    return [
        {
            "key": setting.key,
            "value": _data(setting.shown(setting.value)),
            "secret": setting.is_secret,
            **(_step_data(setting.steps[-1]) if setting.steps else {"layer": _DEFAULT, "where": _DEFAULT}),
            "over": [
                {**_step_data(step), "value": _data(setting.shown(step.value))}
                for step in reversed(setting.steps[:-1])
            ],
        }
        for setting in settings
    ]


def as_difference(pairs: Iterable[tuple[Setting | None, Setting | None]]) -> str:
    """The settings of the first profile with `-`, those of the second with `+`, as in `diff -u`."""
    lines = [
        f"{sign} {_assignment(setting, 0)}  # {origin(setting)}"
        for pair in pairs
        for sign, setting in zip("-+", pair, strict=True)
        if setting is not None
    ]
    return "".join(f"{line}\n" for line in lines)


def origin(setting: Setting) -> str:
    """The layer that a value came from, and the lower layers that it overrides."""
    if not setting.steps:
        return _DEFAULT
    *lower, highest = setting.steps
    over = [f"{place(step)} = {shown(setting.shown(step.value))}" for step in reversed(lower)]
    return comment_text(place(highest) + (f", over {', '.join(over)}" if over else ""))


def place(step: Step) -> str:
    """The origin of a value in short: a shipped file without its folder."""
    if step.level == Level.SET:
        return step.where.split(" ")[0]
    return file_name(step.place) if step.level < Level.SOURCES else step.place


def file_name(where: str) -> str:
    """The path of a file; for a shipped one, only its name."""
    path = Path(where)
    return path.name if path.parent == SHIPPED else where


def _step_data(step: Step) -> dict[str, object]:
    line = {} if step.line is None else {"line": step.line}
    return {"layer": step.level.name.lower(), "where": step.where, **line}


def _data(value: object) -> object:
    """A value as JSON; types that JSON lacks become text."""
    if isinstance(value, dict):
        return {key: _data(item) for key, item in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [_data(item) for item in cast(list[object], value)]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _table(path: Sequence[str]) -> tuple[str, ...]:
    return tuple(path[:1] if path[0] in TABLES else path[:2])


def _aligned(settings: Iterable[Setting], depth: int) -> list[str]:
    rows = [(_line(setting, depth), setting) for setting in settings]
    column = max((len(text) for text, _ in rows if len(text) <= _COLUMN), default=0)
    return [f"{text.ljust(column)}  # {_comment(setting)}" for text, setting in rows]


def _line(setting: Setting, depth: int) -> str:
    sign = "#" if setting.value is None or setting.is_secret else ""
    return sign + _assignment(setting, depth)


def _comment(setting: Setting) -> str:
    return origin(setting) + (f"; {_SECRET}" if setting.is_secret and setting.value is not None else "")


def _assignment(setting: Setting, depth: int) -> str:
    value = setting.shown(setting.value)
    text = "(none)" if value is None else value_text(value)
    return f"{key_text(*setting.path[depth:])} = {text}"
