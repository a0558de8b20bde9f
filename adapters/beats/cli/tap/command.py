"""`beats tap`."""

import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

from beats.cli.address import AddressArgument, CaOption, TokenOption, find, tls, token_warning
from beats.cli.files import KindsOption, PatternsOption, ending_in_order
from beats.cli.output import EXIT_FAILED, EXIT_USAGE, complain, exit_with, out, point_to, warn

# The modules that connect, decode and draw are imported when needed, so that other commands start faster.
if TYPE_CHECKING:
    from beats.cli.tap.blocks import Depth


def tap(
    url: AddressArgument = None,
    kinds: KindsOption = None,
    topics: PatternsOption = None,
    formats: Annotated[
        str | None,
        typer.Option(
            help="Formats of frames, separated by commas: png (default), jpeg, webp, avif.",
            show_default=False,
        ),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Quality, 1 to 100, of frames that the server encodes as JPEG or WebP.",
            show_default=False,
        ),
    ] = None,
    max_width: Annotated[
        str | None,
        typer.Option(
            "--max-width", metavar="N", help="Scale wider frames down to N pixels.", show_default=False
        ),
    ] = None,
    max_fps: Annotated[
        str | None,
        typer.Option("--max-fps", metavar="N", help="At most N frames per second.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    frames: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Save each frame in this folder, as <sequence>.<format>, with its picture's id before it.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, metavar="N", help="Stop after N envelopes.", show_default=False),
    ] = None,
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--no-pictures",
            help="Draw frames in the terminal instead of printing lines; default if it has colours.",
            show_default=False,
        ),
    ] = None,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Reconnect when the connection is lost.")
    ] = False,
    token: TokenOption = None,
    ca: CaOption = None,
) -> None:
    """Show the envelopes of a stream, one per line: time, topic, sequence, size, age, value, tags, location.

    A line also reports missing sequence numbers. The age is the time from capture to reception, by the clocks
    of both machines. On a terminal with colours, frames are drawn as one picture below the lines: the main
    picture, or the one that `--topics` names. Quit with q there, or with Ctrl-C.

    Without other options, a server sends the main picture as PNG and all peripherals. `--topics '*'` asks for
    all pictures, `--formats png,jpeg,webp,avif` for frames as they were published.

    With `--json`, `beats run --stdin` accepts the lines of peripherals. `--frames` overwrites nothing: frames
    whose names are taken by other pictures are counted, and the exit code is 1.

    Ends when the server closes the stream, unless `--reconnect` is given.

    Exit code 0: ended by `--count`, Ctrl-C, or a closed pipe (`| head`); 1: the server cannot be reached,
    refuses, or closed the stream, or something could not be saved; 2: wrong usage.

    Examples: `beats tap`, `beats tap wss://wall.example --kinds peripheral --topics 'peripheral/knob-*'`,
    `beats tap --frames pictures --count 100 --no-pictures`,
    `beats tap wall.local:8765 --json --kinds peripheral | beats run --stdin`.
    """
    try:
        address = find(url, token)
        context = tls(address, ca)
        if (odd := token_warning(address)) is not None:
            warn(odd)
        query = _query(
            kinds=kinds, topics=topics, formats=formats, quality=quality, max_width=max_width, max_fps=max_fps
        )
        depth = _depth(pictures, as_json=as_json)
    except ValueError as error:
        raise exit_with(str(error), EXIT_USAGE) from None
    import anyio  # see above

    from beats.cli.failures import ServerError
    from beats.cli.tap.follow import FrameSaver, TapOptions
    from beats.cli.tap.follow import tap as run

    try:
        folder = None if frames is None else FrameSaver(frames)
    except OSError as error:
        raise exit_with(f"{error.filename}: {error.strerror}") from None
    options = TapOptions(address, context, query, reconnect, as_json, depth, folder, count)
    trouble = None
    # Ctrl-C is the normal way to end it.
    with suppress(KeyboardInterrupt), ending_in_order() if folder is not None else nullcontext():
        trouble = anyio.run(run, options)
    if folder is not None and folder.kept:
        text = f"{folder.kept:,} frames were not saved: {frames} has other pictures with their names"
        complain(f"{text}; give another folder")
    if isinstance(trouble, ServerError):
        complain(f"{address.authority}: {trouble.with_hint}")
        point_to(trouble.more)
    elif trouble is not None:
        complain(f"{address.authority}: {trouble}")
    if trouble is not None or (folder is not None and folder.kept):
        raise typer.Exit(EXIT_FAILED)


def _query(**given: str | None) -> dict[str, str]:
    """The query of the stream.

    Raises:
        ValueError: the server would refuse it; says why.
    """
    from beats.adapters.sinks.websocket.choice import parse_choice  # lazy, see above

    query = {
        name: ",".join(each.strip() for each in text.split(","))
        for name, text in given.items()
        if text is not None
    }
    parse_choice(f"/?{urlencode(query, errors='surrogateescape')}")
    return query


def _depth(pictures: bool | None, *, as_json: bool) -> "Depth | None":
    """The colours in which to draw frames; None to draw none.

    Raises:
        ValueError: pictures were requested, but cannot be drawn.
    """
    if pictures and as_json:
        raise ValueError("--pictures and --json cannot be combined")
    if pictures is False or as_json:
        return None
    if sys.stdout.isatty() and not out.no_color:
        if out.color_system == "truecolor":
            return "truecolor"
        if out.color_system == "256":
            return "256"
    if pictures:
        raise ValueError("--pictures needs a terminal with at least 256 colours, as set by TERM or COLORTERM")
    return None
