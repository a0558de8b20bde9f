"""Which event loop runs: some libraries know only that of asyncio."""

import asyncio


def asyncio_loop(who: str) -> asyncio.AbstractEventLoop:
    """The running event loop of asyncio.

    Args:
        who: needs it, such as `sink 'home'`, for the error.

    Raises:
        RuntimeError: the event loop is not asyncio's.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError as error:
        raise RuntimeError(f"{who} runs on asyncio only: use that back end") from error
