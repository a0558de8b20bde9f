"""`beats profiles` and `beats adapters`: what there is."""

import os

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.table import Table

from beats.adapters.catalogues import SINKS, SOURCES
from beats.adapters.cli.common import ConfigOption, out
from beats.config.profiles import list_profiles
from beats.kernel.plugins import Catalogue
from beats.kernel.ports import SinkKind, SourceKind


def profiles(config: ConfigOption = None) -> None:
    """List the profiles that `--profile` can name."""
    result = Table("profile", "for", "file", box=None, pad_edge=False, header_style="bold")
    for profile in list_profiles(config, os.environ):
        result.add_row(profile.name, profile.summary, str(profile.path))
    out.print(result)


def adapters() -> None:
    """List the sinks and sources with every setting, its default and its unit."""
    _list("sink", SINKS)
    _list("source", SOURCES)


def _list(role: str, catalogue: Catalogue[SinkKind] | Catalogue[SourceKind]) -> None:
    for name in catalogue.names():
        try:
            kind = catalogue.find(name)
        except (ImportError, TypeError) as error:
            out.print(f"{role} {name}: {error}\n", markup=False)
            continue
        out.print(f"[bold]{role} {name}[/bold]: {kind.summary}")
        result = Table("setting", "default", "meaning", box=None, header_style="dim")
        _rows(result, kind.settings, "")
        out.print(result, "")


def _rows(result: Table, settings: type[BaseModel], prefix: str) -> None:
    for name, field in settings.model_fields.items():
        if not prefix and name == "type":
            continue
        result.add_row(prefix + name, _default(field), " ".join((field.description or "").split()))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        inner = value.model_dump(exclude_none=True)
        return ", ".join(f"{key} = {item!r}" for key, item in inner.items())
    return "(none)" if value is None else repr(value)
