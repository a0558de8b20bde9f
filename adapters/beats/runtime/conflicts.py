"""Finds what would fail at the start, from what sinks and sources need. Opens and writes nothing."""

import os.path
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Final, NamedTuple

from beats.config.checks.validation import Inspected
from beats.config.errors import Problem, dotted, shown
from beats.config.layers.merging import Node, child, where
from beats.config.schema import GROUPS, AdapterKey
from beats.config.settings import SinkSettings, SourceSettings
from beats.kernel.resources import Claim, Input, Output, Package, Port, Program, Resources
from beats.kit import paths
from beats.kit.addresses import addresses
from beats.kit.extras import package
from beats.runtime.registry import resources_of

_DEFAULT: Final = "default"
_Needed = Input | Output | Package | Program


class Part(NamedTuple):
    """One sink or source, its resources, and the origin of its settings."""

    key: AdapterKey
    settings: SinkSettings | SourceSettings
    resources: Resources
    table: Node | None

    def value(self, key: str) -> object:
        """The value of a setting."""
        return getattr(self.settings, key, None)

    def where(self, key: str) -> str:
        """The layer that a setting comes from."""
        node = child(self.table, key)
        return _DEFAULT if node is None else where(node)

    def problem(self, key: str, value: object, message: str) -> Problem:
        """A problem of a setting."""
        text = None if value is None else shown(value)
        return Problem(self.where(key), dotted([*self.key, key]), text, message)


class Found(NamedTuple):
    """What would fail, and what may be unintended."""

    problems: list[Problem]
    warnings: list[str]


def check(found: Inspected) -> Found:
    """Check all sinks and sources with valid settings."""
    parts: list[Part] = []
    problems: list[Problem] = []
    for part in parts_of(found):
        if isinstance(part, Part):
            parts.append(part)
        else:
            problems.append(part)
    shared: list[Problem] = []
    problems += [
        *_port_conflicts(parts),
        *_output_conflicts(parts),
        *_claim_conflicts(parts, shared),
        *_lacking_event_loop(found),
        *_lacking(parts),
    ]
    doubts = [part.problem(doubt.key, None, doubt.text) for part in parts for doubt in part.resources.doubts]
    optional = _optional(parts)
    stopping = [problem for problem in problems if not problem.key.startswith(optional)]
    passing = [problem for problem in problems if problem.key.startswith(optional)]
    return Found(stopping, [str(each) for each in (*passing, *shared, *doubts, *_awaited(parts))])


def lacking_packages(found: Inspected) -> list[Problem]:
    """The packages that are missing, and that nothing brings while the stream runs."""
    parts = valid_parts(found)
    needing = [part._replace(resources=Resources(packages=part.resources.packages)) for part in parts]
    lacking_in_parts = [each for each in _lacking(needing) if not each.key.startswith(_optional(parts))]
    return [*_lacking_event_loop(found), *lacking_in_parts]


def _optional(parts: Iterable[Part]) -> tuple[str, ...]:
    """How the keys begin of the settings of what a run can do without."""
    return tuple(f"{dotted(part.key)}." for part in parts if part.value("required") is False)


def connections(parts: Iterable[Part]) -> int:
    """The most connections that all sinks and sources have open at once."""
    return sum(part.resources.connections for part in parts)


def valid_parts(found: Inspected) -> list[Part]:
    """The sinks and sources with valid settings, without those whose adapter breaks its contract."""
    return [part for part in parts_of(found) if isinstance(part, Part)]


def parts_of(found: Inspected) -> Iterator[Part | Problem]:
    """The sinks and sources with valid settings, and a problem for each adapter that breaks its contract."""
    for group in GROUPS:
        running: Mapping[str, SinkSettings | SourceSettings] = (
            found.sinks if group == "sinks" else found.sources
        )
        for name, settings in running.items():
            table = child(child(found.root, group), name)
            part = Part(AdapterKey(group, name), settings, Resources(), table)
            try:
                yield part._replace(resources=resources_of(settings, found.profile))
            except Exception as error:  # the adapter breaks its contract; the others are checked
                yield part.problem("type", settings.type, f"this adapter cannot say what it needs: {error!r}")


def _port_conflicts(parts: Iterable[Part]) -> Iterator[Problem]:
    earlier: list[tuple[Part, Port]] = []
    for part in parts:
        for port in part.resources.ports:
            for other, taken in earlier:
                if conflict(port, taken):
                    message = (
                        f"{dotted(other.key)} listens there too ({other.where(taken.key)}): give one of them "
                        "another port, or 0 for a free one"
                    )
                    yield part.problem(port.key, port.port, message)
                    break
            earlier.append((part, port))


def conflict(one: Port, other: Port) -> bool:
    """Whether two ports cannot be listened on at once."""
    if (one.protocol, one.port) != (other.protocol, other.port) or one.port == 0:
        return False
    if one.is_shared and other.is_shared:
        return False
    ours, theirs = _addresses(one.host), _addresses(other.host)
    return bool(ours & theirs) or _covers(ours, theirs) or _covers(theirs, ours)


def _addresses(host: str) -> set[str]:
    if host.lower() == "localhost":  # RFC 6761, section 6.3
        return {"127.0.0.1", "::1"}
    try:
        return {address for _, address in addresses(host, numeric=True)}
    except OSError:  # a name, which is not looked up
        return {host.lower()}


def _covers(ours: set[str], theirs: set[str]) -> bool:
    """Whether `ours` are all addresses of a family that `theirs` may belong to: a name may have either."""
    return "::" in ours or ("0.0.0.0" in ours and any(":" not in address for address in theirs))


def _output_conflicts(parts: Iterable[Part]) -> Iterator[Problem]:
    earlier: dict[str, tuple[Part, Output]] = {}
    for part in parts:
        for output in part.resources.outputs:
            name = os.path.normcase(os.path.abspath(output.path))  # noqa: PTH100 - `..` is taken out, too
            if name in earlier:
                other, taken = earlier[name]
                message = (
                    f"{dotted(other.key)} writes there too ({other.where(taken.key)}): give each its own"
                )
                yield part.problem(output.key, part.value(output.key), message)
            else:
                earlier[name] = (part, output)


def _claim_conflicts(parts: Iterable[Part], shared: list[Problem]) -> Iterator[Problem]:
    """Claims of two parts to the same thing. Those that work, but may be mistakes, are added to `shared`."""
    earlier: dict[str, list[tuple[Part, Claim]]] = {}
    for part in parts:
        for claim in part.resources.claims:
            if claim.is_shareable and _is_renamed(part.settings):
                continue
            others = earlier.setdefault(claim.what, [])
            for other, taken in others:
                if (both := _shared(claim, taken)) is not None:
                    if claim.is_shareable or taken.is_shareable:
                        text = (
                            f"{dotted(other.key)} shows {claim.what} too ({other.where(taken.key)}), so "
                            "viewers see both in turns: give one of them another id, as by transforms.rename"
                        )
                        shared.append(part.problem(claim.key, part.value(claim.key), text))
                        break
                    message = (
                        f"{dotted(other.key)} has {claim.what} too{both} ({other.where(taken.key)}): "
                        "give each its own"
                    )
                    yield part.problem(claim.key, part.value(claim.key), message)
                    break
            others.append((part, claim))


def _is_renamed(settings: SinkSettings | SourceSettings) -> bool:
    return isinstance(settings, SourceSettings) and settings.transforms.rename is not None


def _shared(one: Claim, other: Claim) -> str | None:
    """What two claims of the same thing both have, as text; None if they have nothing in common."""
    if one.numbers is None or other.numbers is None:
        return ""
    first, end = max(one.numbers.start, other.numbers.start), min(one.numbers.stop, other.numbers.stop)
    if first >= end:
        return None
    return f", {first}" if first == end - 1 else f", {first} to {end - 1}"


def _awaited(parts: Iterable[Part]) -> Iterator[Problem]:
    for part in parts:
        for resource in part.resources.inputs:
            if resource.may_come and (why := paths.why_unreadable(resource)) is not None:
                yield part.problem(resource.key, str(resource.path), f"is waited for: it {why}")


def _lacking(parts: Iterable[Part]) -> Iterator[Problem]:
    for part in parts:
        for resource, why in lacking(part.resources):
            value = part.value(resource.key)
            if isinstance(resource, Input):
                value = str(resource.path)
            elif isinstance(resource, Program):  # its arguments may hold a password
                value = resource.name
            yield part.problem(resource.key, value, why)._replace(lacks_package=isinstance(resource, Package))


def _lacking_event_loop(found: Inspected) -> Iterator[Problem]:
    if found.kernel is None or found.kernel.event_loop != "uvloop":
        return
    if (why := _why_not(package("event_loop", "uvloop"))) is not None:
        node = child(child(found.root, "kernel"), "event_loop")
        origin = _DEFAULT if node is None else where(node)
        yield Problem(
            origin, "kernel.event_loop", shown("uvloop"), f"{why}, or choose auto", lacks_package=True
        )


def lacking(resources: Resources) -> Iterator[tuple[_Needed, str]]:
    """What is missing that does not come by itself, and why it cannot be used. Accesses the disk."""
    needed: tuple[_Needed, ...] = (
        *(resource for resource in resources.inputs if not resource.may_come),
        *resources.outputs,
        *resources.packages,
        *resources.programs,
    )
    for resource in needed:
        if (why := _why_not(resource)) is not None:
            yield resource, why


def _why_not(resource: _Needed) -> str | None:
    if isinstance(resource, Program):
        return paths.why_not_a_program(resource)
    if isinstance(resource, Input):
        return paths.why_unreadable(resource)
    if isinstance(resource, Output):
        return paths.why_unwritable(resource)
    if _is_installed(resource.module):
        return None
    return resource.lacking


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
