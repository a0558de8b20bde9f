"""`beats demo`."""

import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Annotated

import typer
from anyio import to_thread

from beats.cli.common import DurationOption, SetOption
from beats.cli.free_ports import Taken, moved
from beats.cli.output import warn
from beats.cli.runner import Show, perform
from beats.config.layers.profiles import DEFAULT, SHIPPED
from beats.kernel.capabilities import Listens
from beats.kernel.run.kernel import Kernel
from beats.runtime.reader import Reader


def demo(
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    sets: SetOption = None,
    duration: DurationOption = None,
) -> None:
    """Stream a demo picture with three sensors, and open the page in the browser.

    It runs the profile `default` that Beats brings along, whatever is in the folder `config`, on port 8765
    or the next free one. Without a graphical display, or over SSH, it opens no browser.

    Examples: `beats demo`, `beats demo --no-browser`, `beats demo --set sources.demo.fps=30`.
    """
    reader = moved(Reader(DEFAULT, SHIPPED, sets), _move)
    show = Show(beside=_open_page) if browser and has_display(os.environ) else Show()
    perform(reader, duration, show)


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


async def _open_page(kernel: Kernel) -> None:
    for sink in kernel.sinks.values():
        if isinstance(sink, Listens) and (address := sink.address) is not None:
            await to_thread.run_sync(webbrowser.open, address.page_url)
            return
