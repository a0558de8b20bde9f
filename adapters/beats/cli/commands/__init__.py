"""The commands: each module here is one, with the name of its file; a function, or a `typer.Typer`."""

import pkgutil
from collections.abc import Iterator, Mapping
from typing import Final

_CLI: Final = "beats.cli"
_IN_ORDER: Final = (
    "demo", "run", "record", "replay", "snapshot", "top", "tap", "reload", "init",
    "config", "doctor", "docs", "profiles", "adapters", "info", "recover", "cut", "export",
)  # fmt: skip
"""The order of the help; commands that are not named here follow."""
_ELSEWHERE: Final[Mapping[str, str]] = {
    "snapshot": f"{_CLI}.commands.record:snapshot",
    "top": f"{_CLI}.top.command:top",
    "tap": f"{_CLI}.tap.command:tap",
    "profiles": f"{_CLI}.listing:profiles",
    "adapters": f"{_CLI}.listing:adapters",
    "info": f"{_CLI}.recordings:info",
    "recover": f"{_CLI}.recordings:recover",
    "cut": f"{_CLI}.recordings:cut",
}
"""Commands that share a module with others, or have a room of their own."""


def places() -> Mapping[str, str]:
    """The place of each command, `module:name`; imports none of them."""
    found = {**_ELSEWHERE, **{name: f"{__name__}.{name}:{name}" for name in _modules()}}
    ordered = [*(name for name in _IN_ORDER if name in found), *sorted(found.keys() - set(_IN_ORDER))]
    return {name: found[name] for name in ordered}


def _modules() -> Iterator[str]:
    return (module.name for module in pkgutil.iter_modules(__path__))
