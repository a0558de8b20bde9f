"""Explains in a few words why a server gave no usable answer."""

import errno
import os
import re
import socket
import ssl
from http import HTTPStatus
from typing import Final

from beats.cli.more import More
from beats.cli.printable import printable
from beats.kernel.run.supervisor import Backoff, sole

_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")

BACKOFF: Final = Backoff(initial_s=0.5, max_s=5.0)
"""The pauses between attempts."""
_NOBODY_LISTENS: Final = ": no program listens there; `beats run` starts Beats, and says where"
_SHOWN: Final = 200
"""Characters of an answer that are shown."""


class ServerError(Exception):
    """The server gave no usable answer, or its stream ended; the text says why."""

    def __init__(
        self, text: str, *, lasting: bool = False, more: More = More.WATCHING, hint: str = ""
    ) -> None:
        super().__init__(text)
        self.lasting: Final = lasting
        """Whether another attempt would fail in the same way."""
        self.more: Final = more
        """The page that helps."""
        self.with_hint: Final = text + hint
        """The text when no other attempt follows, with what to do."""


def refusal(status: int, content_type: str, body: bytes, not_beats: str) -> ServerError:
    """The error for an HTTP status that is not the wanted one.

    Args:
        status: the code.
        content_type: of the body; only plain text is repeated.
        body: the answer.
        not_beats: what to say if a Beats server would not answer so.
    """
    is_text = content_type.startswith("text/plain")
    said = printable(body[:_SHOWN].decode(errors="replace").strip()) if is_text else ""
    text = f"HTTP {status}" + (f": {said}" if said else "")
    if status == HTTPStatus.UNAUTHORIZED:
        text += " Give it with --token, or in BEATS_TOKEN."
    elif status in (HTTPStatus.NOT_FOUND, HTTPStatus.UPGRADE_REQUIRED) or status < 400:
        text += f": {not_beats}"
    is_network = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
    return ServerError(
        text,
        lasting=status < 500 and status != HTTPStatus.TOO_MANY_REQUESTS,
        more=More.NETWORK if is_network else More.WATCHING,
    )


def unreachable(error: OSError) -> ServerError:
    """The error for a connection that could not be made, or that broke."""
    is_tls, text = isinstance(sole(error), ssl.SSLError), reason(error)
    hint = _NOBODY_LISTENS if text == os.strerror(errno.ECONNREFUSED) else ""
    return ServerError(text, lasting=is_tls, more=More.NETWORK if is_tls else More.WATCHING, hint=hint)


def reason(error: BaseException) -> str:
    """The reason given by the operating system or by the check of certificates."""
    cause = sole(error)
    while cause.__cause__ is not None:  # anyio reports all addresses of a host together
        several: tuple[BaseException, ...] = getattr(cause.__cause__, "exceptions", ())
        cause = several[-1] if several else cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({printable(cause.verify_message)}): see --ca"
    if isinstance(cause, ssl.SSLError):
        why = printable(cause.strerror or str(cause))
        return f"encryption fails ({why}): use ws:// if the server does not encrypt"
    if isinstance(cause, OSError) and not isinstance(cause, socket.gaierror):
        # The messages of asyncio repeat the addresses, and join several errors in one text.
        numbers = [cause.errno] if cause.errno else [int(found) for found in _NUMBER.findall(str(cause))]
        if numbers:
            return os.strerror(numbers[-1])
    return printable(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)
