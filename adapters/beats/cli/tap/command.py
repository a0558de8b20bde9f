"""`beats tap`."""

import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

from beats.cli.address import AddressArgument, CaOption, TokenOption, find, tls, token_warning
from beats.cli.files import ending_in_order
from beats.cli.output import EXIT_FAILED, EXIT_USAGE, complain, out, warn

# What connects, decodes and draws is loaded when it is needed: no other command waits for it.
if TYPE_CHECKING:
    from beats.cli.tap.blocks import Depth


def tap(
    url: AddressArgument = None,
    kinds: Annotated[
        str | None, typer.Option(help="frame, peripheral, or both with a comma.", show_default=False)
    ] = None,
    topics: Annotated[
        str | None,
        typer.Option(help="Patterns with commas, such as frame,peripheral/knob-*.", show_default=False),
    ] = None,
    max_fps: Annotated[
        str | None,
        typer.Option("--max-fps", metavar="N", help="At most so many frames a second.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    frames: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Save each frame there, as <sequence>.png.", show_default=False),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, metavar="N", help="End after so many envelopes.", show_default=False),
    ] = None,
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--no-pictures",
            help="Draw frames in the terminal, in place of a line for each; by default where it has colours.",
            show_default=False,
        ),
    ] = None,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Go on when the server is there again.")
    ] = False,
    token: TokenOption = None,
    ca: CaOption = None,
) -> None:
    """Show what is on a stream, one line each: time, topic, sequence, size, age, value, tags and place.

    Before what is missing in the sequence there is a line that says so. The age is from the capture to here,
    by the clocks of both. On a terminal with colours, frames are drawn as one picture below the lines; q ends
    it there, and Ctrl-C anywhere.

    With `--json`, lines of peripherals are what `beats run --stdin` takes. `--frames` overwrites nothing:
    frames whose names are taken by other pictures are counted, and then the exit code is 1.

    When the server ends the stream, that is the end, unless `--reconnect` is given.

    Exit code 0: ended by `--count`, Ctrl-C, or a reader that had enough (`| head`); 1: the server cannot be
    reached, refuses, or ended the stream, or something could not be saved; 2: wrong usage.

    Examples: `beats tap`, `beats tap wss://wall.example --kinds peripheral --topics 'peripheral/knob-*'`,
    `beats tap --frames pictures --count 100 --no-pictures`,
    `beats tap wall.local:8765 --json --kinds peripheral | beats run --stdin`.
    """
    try:
        address = find(url, token)
        context = tls(address, ca)
        if (odd := token_warning(address)) is not None:
            warn(odd)
        query = _query(kinds, topics, max_fps)
        depth = _depth(pictures, as_json=as_json)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    import anyio  # see above

    from beats.cli.tap.folder import FrameFolder
    from beats.cli.tap.tapping import Wanted
    from beats.cli.tap.tapping import tap as run

    try:
        folder = None if frames is None else FrameFolder(frames)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        raise typer.Exit(EXIT_FAILED) from None
    wanted = Wanted(address, context, query, reconnect, as_json, depth, folder, count)
    trouble = None
    # Ctrl-C is how it is ended: nothing is left undone.
    with suppress(KeyboardInterrupt), ending_in_order() if folder is not None else nullcontext():
        trouble = anyio.run(run, wanted)
    if folder is not None and folder.kept:
        said = f"{folder.kept:,} frames were not saved: {frames} has other pictures of their names"
        complain(f"{said}; give another folder")
    if trouble is not None:
        complain(f"{address.authority}: {trouble}")
    if trouble is not None or (folder is not None and folder.kept):
        raise typer.Exit(EXIT_FAILED)


def _query(kinds: str | None, topics: str | None, max_fps: str | None) -> dict[str, str]:
    """What to ask of the stream.

    Raises:
        ValueError: the server would refuse it; says why.
    """
    from beats.adapters.sinks.websocket.choice import parse_choice  # only now, see above

    given = {"kinds": kinds, "topics": topics, "max_fps": max_fps}
    query = {
        name: ",".join(part.strip() for part in text.split(","))
        for name, text in given.items()
        if text is not None
    }
    parse_choice(f"/?{urlencode(query, errors='surrogateescape')}")
    return query


def _depth(pictures: bool | None, *, as_json: bool) -> "Depth | None":
    """The colours in which frames are drawn; None when they are not.

    Raises:
        ValueError: they cannot be, and were asked for.
    """
    if pictures and as_json:
        raise ValueError("--pictures and --json exclude each other")
    if pictures is False or as_json:
        return None
    if sys.stdout.isatty() and not out.no_color:
        if out.color_system == "truecolor":
            return "truecolor"
        if out.color_system == "256":
            return "256"
    if pictures:
        raise ValueError("--pictures needs a terminal with 256 colours or more; TERM or COLORTERM says so")
    return None
