"""What can be said to a recorder that waits to be told, and how it must be said."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.capabilities import CommandCheck


def _record(fields: Mapping[str, Any]) -> dict[str, object]:
    """`recording`: true or false; the other of what it was told last, when left out."""
    recording = fields.get("recording")
    if recording is not None and not isinstance(recording, bool):
        raise ValueError(f"recording is {recording!r:.40}, not true or false")
    return {"recording": recording}


def _snapshot(_: Mapping[str, Any]) -> dict[str, object]:
    """Nothing needs to be said of what came last but that it is wanted."""
    return {}


_RECORD: Final[Mapping[str, CommandCheck]] = MappingProxyType({"record": _record})
_SNAPSHOT: Final[Mapping[str, CommandCheck]] = MappingProxyType({"snapshot": _snapshot})
_NONE: Final[Mapping[str, CommandCheck]] = MappingProxyType({})


def commands(settings: RecorderSettings) -> Mapping[str, CommandCheck]:
    """Those that a recorder with these settings takes: one that records all the time takes none."""
    if settings.idle:
        return _RECORD
    return _NONE if settings.snapshot_s is None else _SNAPSHOT
