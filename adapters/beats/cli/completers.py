"""What a shell offers for the values of options and arguments when the tab key is pressed.

A wrong profile, or a folder that cannot be read, offers nothing and says nothing: somebody is still typing.
What these need is imported when they are called, for every command names them and none calls one.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Final

import typer

from beats.cli.printable import printable

Offer = str | tuple[str, str]
"""A value, and what it is for if there is anything to say."""
_Completer = Callable[[typer.Context, str], list[Offer]]

RECORDINGS: Final = (".mcap", ".mcap.part")
_DEEPEST: Final = 8
"""Folders that are opened, one in the other, since each is the only choice."""


def _quiet(completer: _Completer) -> _Completer:
    @wraps(completer)
    def attempt(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            return list(_harmless(completer(ctx, incomplete)))
        except Exception:  # see above
            return []

    return attempt


def _harmless(offers: Iterable[Offer]) -> Iterator[Offer]:
    """The offers without what a shell would run while somebody types.

    zsh expands them, and typer's quoting leaves backslashes alone, so that a command behind one is run. The
    name of a recording or the first comment of a profile must not do that. A line end would begin another
    offer.
    """
    for offer in offers:
        value, text = (offer, "") if isinstance(offer, str) else offer
        if value.isprintable() and "\\" not in value:
            text = printable(text).replace("\\", "/")
            yield (value, text) if text else value


@_quiet
def profiles(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """The profiles that there are."""
    from beats.config.layers.profiles import list_profiles

    found = list_profiles(ctx.params.get("config"), os.environ)
    return [(profile.name, profile.summary) for profile in found]


@_quiet
def settings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Settings of the profile as `--set` takes them: one part of the path after the other, and few values."""
    from beats.cli.setting_names import SettingNames

    names = SettingNames.of(ctx.params.get("profile"), ctx.params.get("config"))
    return list(names.offers(incomplete))


@_quiet
def setting_paths(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Settings of the profile, as `beats config get` takes them."""
    from beats.cli.setting_names import SettingNames

    names = SettingNames.of(ctx.params.get("profile"), ctx.params.get("config"))
    return [(name.removesuffix("="), text) for name, text in names.offers(incomplete)]


@_quiet
def recordings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Recordings, and folders that may hold some."""
    found = list(_recordings(incomplete))
    for _ in range(_DEEPEST):
        if len(found) != 1 or not found[0].endswith("/") or not (inside := list(_recordings(found[0]))):
            break
        found = inside  # else some shells would put a blank behind the folder
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
