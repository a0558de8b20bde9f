"""Explains in a few words why a connection failed."""

import os
import re
import socket
import ssl
from typing import Final

from beats.cli.printable import printable
from beats.kernel.run.supervisor import sole

_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


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
