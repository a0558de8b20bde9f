"""The installed adapters. Each is imported only when it is looked up, without what runs it."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

from pydantic import BaseModel

from beats.kernel.plugins import Catalogue
from beats.kernel.ports import SinkKind, SourceKind
from beats.kernel.resources import NeedsResources, Resources

SINKS: Final = Catalogue("beats.adapters.sinks", "SINK", SinkKind, "beats.sinks")
SOURCES: Final = Catalogue("beats.adapters.sources", "SOURCE", SourceKind, "beats.sources")
_Group = Literal["sources", "sinks"]


class InstalledAdapters:
    """Tells the validation of settings which adapters exist, and which settings they take."""

    def names(self, group: _Group) -> Sequence[str]:
        """The names of the adapters of a group; imports none."""
        return (SINKS if group == "sinks" else SOURCES).names()

    def settings(self, group: _Group, type_name: str) -> type[BaseModel]:
        """The typed settings of an adapter.

        Raises:
            LookupError: there is no such adapter.
            ImportError: it needs a package that is not installed.
        """
        return kind_of(group, type_name).settings

    def env_aliases(self, group: _Group, type_name: str) -> Mapping[str, str]:
        """The short environment variables that an adapter declares.

        Raises:
            LookupError, ImportError: as `settings`.
        """
        kind = kind_of(group, type_name)
        return kind.env_aliases if isinstance(kind, SinkKind) else {}


def kind_of(group: _Group, type_name: str) -> SinkKind | SourceKind:
    """The declaration of an adapter.

    Raises:
        LookupError, ImportError: as `InstalledAdapters.settings`.
    """
    return SINKS.find(type_name) if group == "sinks" else SOURCES.find(type_name)


def metric_texts(group: _Group) -> Mapping[str, str]:
    """What the adapters' own metrics say, by their names; of the adapters that this process has looked up.

    Where several adapters give one name different meanings, the text has all of them, each after the name of
    its adapter.
    """
    kinds: Mapping[str, SinkKind | SourceKind] = SINKS.looked_up if group == "sinks" else SOURCES.looked_up
    found: dict[str, dict[str, str]] = {}
    for type_name, kind in sorted(kinds.items()):
        for name, text in kind.metrics.items():
            found.setdefault(name, {})[type_name] = text
    return {name: _one_text(texts) for name, texts in found.items()}


def _one_text(texts: Mapping[str, str]) -> str:
    if len(different := set(texts.values())) == 1:
        return different.pop()
    return " ".join(f"{type_name}: {text}" for type_name, text in texts.items())


def resources_of(settings: object, profile: str) -> Resources:
    """What a sink or source with these settings needs to start; nothing unless they say so.

    Raises:
        Exception: the adapter breaks the contract.
    """
    if not isinstance(settings, NeedsResources):
        return Resources()
    found = cast("object", settings.resources(profile))
    if not isinstance(found, Resources):
        raise TypeError(f"resources() returned {type(found).__name__}, not Resources")
    return found
