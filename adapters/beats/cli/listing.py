"""`beats profiles` and `beats adapters`: what there is."""

import os

from pydantic import BaseModel
from rich.table import Table
from rich.text import Text

from beats.cli import documentation
from beats.cli.common import ConfigOption, refused
from beats.cli.output import out, say
from beats.cli.printable import printable
from beats.config.errors import SettingsError, shown
from beats.config.layers.profiles import list_profiles
from beats.config.schema import descriptions
from beats.kernel.plugins import Catalogue
from beats.kernel.ports import SinkKind, SourceKind
from beats.runtime.registry import SINKS, SOURCES


def profiles(config: ConfigOption = None) -> None:
    """List the profiles that `--profile` can name.

    Examples: `beats profiles`, `beats profiles --config /etc/beats`.
    """
    try:
        found = list_profiles(config, os.environ)
    except SettingsError as error:
        raise refused(error) from None
    result = Table("profile", "for", box=None, pad_edge=False, header_style="bold")
    result.add_column("file", overflow="fold")  # a path that is cut short is of no use
    for profile in found:
        texts = (profile.name, profile.summary, str(profile.path))
        result.add_row(*(Text(printable(text)) for text in texts))
    out.print(result)


def adapters() -> None:
    """List the sinks and sources with every setting, its default and its unit, and with their metrics.

    Examples: `beats adapters`, `beats adapters | less`.
    """
    _list("sink", SINKS)
    _list("source", SOURCES)


def _list(role: str, catalogue: Catalogue[SinkKind] | Catalogue[SourceKind]) -> None:
    for name in catalogue.names():
        try:
            kind = catalogue.find(name)
        except (ImportError, TypeError) as error:
            say(f"{role} {name}: {error}")
            say("")
            continue
        more = f" (more: {documentation.command(kind.docs)})" if kind.docs else ""
        out.print(Text.assemble((f"{role} {name}", "bold"), f": {kind.summary}", (more, "dim")))
        result = Table("setting", box=None, header_style="dim")
        result.add_column("default", overflow="fold")
        result.add_column("meaning")
        _rows(result, kind.settings)
        out.print(result, "")
        if kind.metrics:
            measured = Table("metric", "meaning", box=None, header_style="dim")
            for metric, meaning in kind.metrics.items():
                measured.add_row(Text(metric), Text(meaning))
            out.print(measured, "")


def _rows(result: Table, settings: type[BaseModel], prefix: str = "", given: BaseModel | None = None) -> None:
    """A row for each setting, also those of tables in it; `given` is such a table as it is by default."""
    meanings = descriptions(settings)
    for name, field in settings.model_fields.items():
        if not prefix and name == "type":
            continue
        value: object = (
            field.get_default(call_default_factory=True, validated_data={})
            if given is None
            else getattr(given, name)
        )
        if isinstance(value, BaseModel):
            _rows(result, type(value), f"{prefix}{name}.", value)
        else:
            meaning = meanings.get(name, "")
            # Text, because rich takes "[width, height]" in a plain one for markup.
            required = given is None and field.is_required()
            default = "(required)" if required else _default(value)
            result.add_row(*map(Text, (prefix + name, default, meaning)))


def _default(value: object) -> str:
    return "(none)" if value is None else shown(value)
