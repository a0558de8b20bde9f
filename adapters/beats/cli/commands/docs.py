"""`beats docs`."""

import os
import sys
from typing import Annotated, Final

import typer

from beats.cli import completers, documentation
from beats.cli.output import EXIT_FAILED, EXIT_USAGE, exit_with, write
from beats.config.errors import nearest

_WIDEST: Final = 100
"""Columns of a page: longer lines are hard to read."""


def docs(
    page: Annotated[
        str | None,
        typer.Argument(
            metavar="PAGE",
            help="Name of the page, such as queues; queues#tuning begins at a heading.",
            autocompletion=completers.pages,
            show_default=False,
        ),
    ] = None,
    heading: Annotated[
        list[str] | None,
        typer.Argument(metavar="HEADING", help="The heading to begin at, as words.", show_default=False),
    ] = None,
) -> None:
    """Show a page of the documentation, or list the pages; needs no network.

    On a terminal a page is laid out and shown by the pager that PAGER names, or by `less`. Elsewhere it is
    printed as the Markdown that it is.

    Exit code 0: shown; 2: there is no such page or heading.

    Examples: `beats docs`, `beats docs queues`, `beats docs settings#pixels`, `beats docs settings pixels`.
    """
    if not documentation.names():
        text = f"{documentation.FOLDER}: no pages of the documentation are there: install Beats again"
        raise exit_with(text, EXIT_FAILED)
    if page is None:
        _list()
        return
    name, _, start = page.partition("#")
    shown = _page(name.removesuffix(".md"))
    _show(shown.since(_start(shown, " ".join([start, *(heading or ())]).strip())))


def _page(name: str) -> documentation.Page:
    known = documentation.names()
    if name not in known:
        meant = documentation.meant(name)
        hint = f"; did you mean '{meant}'?" if meant else "."
        raise exit_with(f"there is no page {name!r:.80}{hint} There are: {', '.join(known)}", EXIT_USAGE)
    return documentation.Page(name)


def _start(page: documentation.Page, heading: str) -> str:
    """The anchor of a heading as a person gave it."""
    wanted = documentation.anchor(heading)
    if wanted and wanted not in page.anchors:
        meant = nearest(wanted, page.anchors)
        hint = f"; did you mean '{page.name}#{meant}'?" if meant else "."
        there = ", ".join(page.anchors)
        raise exit_with(f"{page.name} has no heading {heading!r:.80}{hint} It has: {there}", EXIT_USAGE)
    return wanted


def _list() -> None:
    from rich.text import Text  # only now: a page that is piped needs no layout

    from beats.cli.output import out

    pages = [documentation.Page(name) for name in documentation.names()]
    width = max(len(page.name) for page in pages)
    for page in pages:
        line = Text.assemble((f"{page.name:{width}}  ", "cyan"), (page.title, "bold"), f". {page.begin}")
        out.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)


def _show(text: str) -> None:
    if not sys.stdout.isatty():
        write(text)
        return
    from rich.markdown import Markdown

    from beats.cli.output import out

    # For `less`: colours, and no pager for a text that fits the screen.
    os.environ["LESS"] = f"{os.environ.get('LESS', '-FX')} -R"
    # The colours of code are those of the terminal, and links show where they lead to.
    shown = Markdown(documentation.for_terminal(text), code_theme="ansi_dark", hyperlinks=False)
    with out.pager(styles=True):
        out.print(shown, width=min(out.width, _WIDEST), soft_wrap=False)
