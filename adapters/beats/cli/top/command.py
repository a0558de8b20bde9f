"""`beats top`."""

from typing import TYPE_CHECKING, Annotated

import typer

from beats.cli.address import AddressArgument, CaOption, TokenOption, find, tls, token_warning
from beats.cli.output import EXIT_USAGE, exit_with, out, warn

if TYPE_CHECKING:
    from beats.cli.failures import ServerError


def top(
    url: AddressArgument = None,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Time between two requests.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print one table and exit.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answers of the server, one JSON object per line.")
    ] = False,
    token: TokenOption = None,
    ca: CaOption = None,
) -> None:
    """Show a running Beats: its sources, sinks and viewers, with rates, queues, drops and ages.

    On a terminal, the left and right arrows choose the sort column of viewers, and r reverses the order. The
    up and down arrows, space, b, g and G scroll. Tab shows one table alone, ? lists the keys, q quits. When
    the server cannot be reached, it says so and tries again.

    Of each viewer, `age` is how old the stream is that it reads, `trip` the round trip of a ping behind it,
    and `online` the time since it came. A viewer that answers no pings has neither age nor trip.

    Without a terminal, tables are printed one after the other. For rates, `--once` asks twice, `--interval`
    apart.

    Exit code 0: success; 1: the server cannot be reached, or refuses; 2: wrong usage.

    Examples: `beats top`, `beats top wall.local:8765 --interval 5`,
    `beats top --once --json | jq .stats.published`.
    """
    try:
        address = find(url, token)
        context = tls(address, ca)
        if (odd := token_warning(address)) is not None:
            warn(odd)
    except ValueError as error:
        raise exit_with(str(error), EXIT_USAGE) from None
    import anyio  # imported when the command runs, as the following: no other command needs them

    from beats.cli.top.fetch import samples
    from beats.cli.top.watch import Watch, print_all

    async def show() -> "ServerError | None":
        found = samples(address, context, interval)
        if once or as_json or not out.is_terminal or out.is_dumb_terminal:
            return await print_all(found, address.authority, once=once, as_json=as_json)
        return await Watch(found, address.authority, out).run()

    refused = None
    try:
        refused = anyio.run(show)
    except KeyboardInterrupt:  # the usual way to end it
        return
    if refused is not None:
        raise exit_with(f"{address.authority}: {refused.with_hint}", more=refused.more)
