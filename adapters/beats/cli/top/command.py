"""`beats top`."""

from typing import TYPE_CHECKING, Annotated

import typer

from beats.cli.address import AddressArgument, CaOption, TokenOption, find, tls, token_warning
from beats.cli.output import EXIT_FAILED, EXIT_USAGE, complain, out, warn

# What asks and draws is loaded when it is needed: no other command waits for it.
if TYPE_CHECKING:
    from beats.cli.top.fetch import FetchError


def top(
    url: AddressArgument = None,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Between two looks.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what the server says, one JSON object a line.")
    ] = False,
    token: TokenOption = None,
    ca: CaOption = None,
) -> None:
    """Show a running Beats: its sources, sinks and clients, with rates, queues, drops and ages.

    On a terminal: the arrows left and right choose what clients are sorted by, r turns the order round; the
    arrows up and down, space, b, g and G scroll; Tab shows one table alone, ? names the keys, q quits. While
    the server is away it says so, and goes on when it is back.

    Elsewhere one table follows the other. For rates, `--once` looks twice, `--interval` apart.

    Exit code 0: it was shown; 1: the server cannot be reached, or refuses; 2: wrong usage.

    Examples: `beats top`, `beats top wall.local:8765 --interval 5`,
    `beats top --once --json | jq .stats.published`.
    """
    try:
        address = find(url, token)
        context = tls(address, ca)
        if (odd := token_warning(address)) is not None:
            warn(odd)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    import anyio  # see above

    from beats.cli.top.fetch import samples
    from beats.cli.top.watch import Watch, print_all

    async def show() -> "FetchError | None":
        found = samples(address, context, interval)
        if once or as_json or not out.is_terminal or out.is_dumb_terminal:
            return await print_all(found, address.authority, once=once, as_json=as_json)
        return await Watch(found, address.authority, out).run()

    refused = None
    try:
        refused = anyio.run(show)
    except KeyboardInterrupt:  # how it is ended: nothing is left undone
        return
    if refused is not None:
        complain(f"{address.authority}: {refused}")
        raise typer.Exit(EXIT_FAILED)
