"""Which page of the documentation helps with which failure; `beats.cli.output.point_to` names it."""

import errno
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from beats.config.errors import Problem, SettingsError
from beats.config.layers.arguments import key_parts
from beats.config.layers.merging import Leaf, Node, child
from beats.kernel.errors import MissingPackageError
from beats.kernel.stats import SinkStats, SourceStats
from beats.kit import ports

if TYPE_CHECKING:  # `beats tap` and `beats top` read no settings
    from beats.config.schema import Group
    from beats.config.settings import ProfileSettings
    from beats.runtime.reader import Reader


class More(StrEnum):
    """A page for `beats docs`, most with the heading to begin at."""

    CHANGES = "sources#changes-on-the-way"
    CLOSED = "protocol#close-codes"
    DOCTOR = "operation#find-out-what-is-wrong"
    EVENT_LOOP = "operation#the-event-loop"
    LAYERS = "settings#layers"
    LOGS = "operation#logs"
    NETWORK = "websocket#safe-on-a-network"
    PACKAGES = "install#extras"
    PICTURES = "sources#pictures"
    PIXELS = "settings#pixels"
    PLUGINS = "plugins#a-package-of-your-own"
    PORTS = ports.PAGE
    PROFILES = "settings#profiles"
    RECORDING = "recording"
    REPLAY = "recording#replay"
    QUEUES = "queues"
    RECORDINGS = "recording#cut-export-recover"
    RELOADS = "settings#change-settings-while-the-stream-runs"
    REQUESTS = "operation#signals"
    RUNS = "operation#run"
    SINKS = "settings#sinks"
    SNAPSHOTS = "recording#save-what-has-just-happened"
    SOURCES = "sources"
    VIDEOS = "sources#videos-and-cameras"
    WATCHING = "operation#watch-a-running-beats-from-a-terminal"
    WORKERS = "relay#every-core-of-one-machine"


_COMMANDS: Final[Mapping[str, More]] = {
    "adapters": More.SINKS,
    "config": More.LAYERS,
    "cut": More.RECORDINGS,
    "docs": More.DOCTOR,
    "doctor": More.DOCTOR,
    "export": More.RECORDINGS,
    "info": More.RECORDINGS,
    "init": More.PROFILES,
    "profiles": More.PROFILES,
    "record": More.RECORDING,
    "recover": More.RECORDINGS,
    "reload": More.RELOADS,
    "replay": More.REPLAY,
    "snapshot": More.SNAPSHOTS,
    "tap": More.WATCHING,
    "top": More.WATCHING,
}
"""Where each command is described that is not about a run."""
_GROUPS: Final["Mapping[Group, More]"] = {"sources": More.SOURCES, "sinks": More.SINKS}
_IN_KERNEL: Final[Mapping[str, More]] = {
    "event_loop": More.EVENT_LOOP,
    "log_format": More.LOGS,
    "log_level": More.LOGS,
    "max_topics": More.PIXELS,
    "watch": More.RELOADS,
}
_IN_SINKS: Final[Mapping[str, More]] = {
    "client_queue": More.QUEUES,
    "queue": More.QUEUES,
    "control_token": More.NETWORK,
    "control_token_file": More.NETWORK,
    "frame_ancestors": More.NETWORK,
    "origins": More.NETWORK,
    "require_token": More.NETWORK,
}
_OF_VIEWERS: Final = ("", "host", "public_host", "tls_cert", "tls_key", "token", "token_file")
"""What has its own heading on the page of the sinks for viewers; with other sinks it is something else.

Empty is such a sink as a whole: its tokens and certificates do not fit each other, or cannot be read.
"""
_SINKS_FOR_VIEWERS: Final = ("http", "websocket")
_PORT_FAULTS: Final = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def of_command(name: str | None) -> str:
    """The page about a command; for one that does not exist, the page about runs."""
    return _COMMANDS.get(name or "", More.RUNS)


def of_problems(problems: Iterable[Problem], reader: "Reader | None" = None) -> list[str]:
    """The pages about the settings at fault.

    Args:
        problems: the faults.
        reader: reads the settings again, for the types of the sinks and sources at fault.
    """
    root: Node | None = None
    if reader is not None:
        with suppress(SettingsError):
            root = reader.inspect().root
    return [_of_problem(problem, root) for problem in problems]


def _of_problem(problem: Problem, root: Node | None) -> str:
    if problem.lacks_package:
        return More.PACKAGES
    match key_parts(problem.key.replace("*", "_")):
        case ("kernel", name, *_):
            return _IN_KERNEL.get(name, More.RUNS)
        case ("pixels", *_):
            return More.PIXELS
        case ("sources" | "sinks" as group, name, *below) if below not in (["type"], ["enabled"]):
            kind = child(child(child(root, group), name), "type")
            type_name = kind.value if isinstance(kind, Leaf) and isinstance(kind.value, str) else ""
            return _of_setting(group, type_name, below[0] if below else "")
        case ("sources" | "sinks" as group, *_):
            return _GROUPS[group]
        case _ if not problem.where:  # a warning that counts as a problem
            return ""
        case _:
            return More.LAYERS if problem.where.startswith("--set") else More.PROFILES


def _of_setting(group: "Group", name: str, setting: str) -> str:
    if group == "sources":
        return More.CHANGES if setting == "transforms" else of_adapter(group, name)
    if setting in _OF_VIEWERS and name in _SINKS_FOR_VIEWERS:
        return More.NETWORK
    return _IN_SINKS.get(setting) or of_adapter(group, name)


def of_adapter(group: "Group", name: str) -> str:
    """The page that a type of sink or source declares; empty if it declares none."""
    from beats.runtime.registry import kind_of  # when it is needed: it takes long

    try:
        return kind_of(group, name).docs
    except (LookupError, ImportError, TypeError):
        return _GROUPS[group]


def of_parts(parts: Iterable[SourceStats | SinkStats], settings: "ProfileSettings") -> list[str]:
    """The pages about sinks and sources that failed."""
    found: list[str] = []
    for part in parts:
        if isinstance(part, SinkStats) and part.name in settings.sinks:
            found.append(of_adapter("sinks", settings.sinks[part.name].type))
        elif isinstance(part, SourceStats) and part.name in settings.sources:
            found.append(of_adapter("sources", settings.sources[part.name].type))
    return found


def of_start(
    error: BaseException,
    failed: Iterable[SourceStats | SinkStats],
    settings: "ProfileSettings",
    *,
    has_workers: bool,
) -> list[str]:
    """The pages about why a run could not start.

    Args:
        error: why.
        failed: the sinks that could not open what they need.
        settings: the profile.
        has_workers: whether the run was to have several processes.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MissingPackageError):
            return [More.PACKAGES]
        if isinstance(cause, OSError) and cause.errno in _PORT_FAULTS:
            return [More.PORTS]
        cause = cause.__cause__
    types = [settings.sinks[part.name].type for part in failed if part.name in settings.sinks]
    return [_of_setting("sinks", name, "") for name in types] or ([More.WORKERS] if has_workers else [])
