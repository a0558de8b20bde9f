"""`beats demo`."""

import os
import sys
import webbrowser
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from anyio import to_thread

from beats.cli.common import DurationOption, SetOption
from beats.cli.free_ports import Taken, moved
from beats.cli.output import say, warn
from beats.cli.runner import Show, perform
from beats.config.layers.profiles import DEFAULT, SHIPPED
from beats.kernel.capabilities import Address, Listens
from beats.kernel.run.kernel import Kernel
from beats.runtime.reader import Reader


def demo(
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    sets: SetOption = None,
    duration: DurationOption = None,
) -> None:
    """Stream a demo picture with three sensors, and open the page in the browser.

    It runs the profile `default` that Beats brings along, whatever is in the folder `config`, on port 8765
    or the next free one. Without a graphical display, or over SSH, it says how to open the page.

    Examples: `beats demo`, `beats demo --no-browser`, `beats demo --set sources.demo.fps=30`.
    """
    reader = moved(Reader(DEFAULT, SHIPPED, sets), _move)
    perform(reader, duration, Show(beside=_open_page) if browser else Show())


def _move(taken: Taken) -> bool:
    warn(f"port {taken.port.port} is in use: using {taken.free}")
    return True


def has_display(environ: Mapping[str, str]) -> bool:
    """Whether a browser that is opened here is seen by the person who runs the command."""
    if "SSH_CONNECTION" in environ:
        return False
    return sys.platform in ("darwin", "win32") or any(
        environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )


def how_to_open(address: Address, environ: Mapping[str, str]) -> Iterator[str]:
    """How a person opens a page that no browser of this machine shows, in lines of a usual terminal.

    Over SSH it is opened on the machine that the person sits at, through a tunnel to the address by which
    they came: the third of SSH_CONNECTION's words, see ssh(1).
    """
    words = environ.get("SSH_CONNECTION", "").split()
    if len(words) == 4:
        yield f"First, on your own machine: ssh -L {address.port}:localhost:{address.port} {words[2]}"
    yield f"Open {address.page_url} in a browser."


async def _open_page(kernel: Kernel) -> None:
    for sink in kernel.sinks.values():
        if isinstance(sink, Listens) and (address := sink.address) is not None:
            page = address.page_url
            if not (has_display(os.environ) and await to_thread.run_sync(webbrowser.open, page)):
                for line in how_to_open(address, os.environ):
                    say(line)
            return
