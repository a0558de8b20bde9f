"""Completes the values of options and arguments when a person presses Tab in a shell.

An invalid profile or an unreadable folder offers nothing and prints nothing, as the person is still typing.
Heavy imports happen inside the functions, since every command refers to them and none calls one.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Final

import typer

from beats.cli.printable import printable

Offer = str | tuple[str, str]
"""A value, or a value and its help."""
_Completer = Callable[[typer.Context, str], list[Offer]]

RECORDINGS: Final = (".mcap", ".mcap.part")
_DEEPEST: Final = 8
"""Nested folders that are descended into while each is the only choice."""


def _quiet(completer: _Completer) -> _Completer:
    @wraps(completer)
    def attempt(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            return list(_harmless(completer(ctx, incomplete)))
        except Exception:  # see above
            return []

    return attempt


def _harmless(offers: Iterable[Offer]) -> Iterator[Offer]:
    """The offers without those that a shell would execute.

    zsh expands them, and typer does not quote backslashes, so a command after one would run. Neither the
    name of a recording nor the first comment of a profile may do that. A line end would start a new offer.
    """
    for offer in offers:
        value, text = (offer, "") if isinstance(offer, str) else offer
        if value.isprintable() and "\\" not in value:
            text = printable(text).replace("\\", "/")
            yield (value, text) if text else value


@_quiet
def profiles(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Profiles."""
    from beats.config.layers.profiles import list_profiles

    found = list_profiles(ctx.params.get("config"), os.environ)
    return [(profile.name, profile.summary) for profile in found]


@_quiet
def settings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Settings as `--set` takes them: one part of the path after the other, and a few values."""
    from beats.cli.setting_names import SettingNames

    names = SettingNames.of(ctx.params.get("profile"), ctx.params.get("config"))
    return [*names.offers(incomplete)]


@_quiet
def setting_paths(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Settings as `beats config get` takes them."""
    from beats.cli.setting_names import SettingNames

    names = SettingNames.of(ctx.params.get("profile"), ctx.params.get("config"))
    return [(name.removesuffix("="), text) for name, text in names.offers(incomplete)]


@_quiet
def pages(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Pages of the documentation; after `#` the headings of one."""
    from beats.cli.documentation import Page, names

    name, sign, _ = incomplete.partition("#")
    if sign:
        return [f"{name}#{anchor}" for anchor in Page(name).anchors] if name in names() else []
    return [(name, Page(name).title) for name in names()]


@_quiet
def recordings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Recordings, and folders."""
    found = list(_recordings(incomplete))
    for _ in range(_DEEPEST):
        if len(found) != 1 or not found[0].endswith("/") or not (inside := list(_recordings(found[0]))):
            break
        found = inside  # otherwise some shells add a blank after the folder
    return list[Offer](found)


def _recordings(incomplete: str) -> Iterator[str]:
    folder, slash, start = incomplete.rpartition("/")
    with os.scandir(os.path.expanduser(folder + slash) or ".") as entries:  # noqa: PTH111 - it may be empty
        for entry in sorted(entries, key=lambda each: each.name):
            if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
                continue
            if entry.is_dir():
                yield f"{folder}{slash}{entry.name}/"
            elif entry.name.endswith(RECORDINGS):
                yield f"{folder}{slash}{entry.name}"
