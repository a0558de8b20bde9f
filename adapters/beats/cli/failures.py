"""Why a connection failed, in a few words."""

import os
import re
import socket
import ssl
from typing import Final

from beats.cli.printable import printable
from beats.kernel.run.supervisor import sole

_NUMBER: Final = re.compile(r"\[Errno (\d+)\]")


def reason(error: BaseException) -> str:
    """What an operating system, or what checks certificates, says of it."""
    cause = sole(error)
    while cause.__cause__ is not None:  # anyio tells of all addresses of a host together
        several: tuple[BaseException, ...] = getattr(cause.__cause__, "exceptions", ())
        cause = several[-1] if several else cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({printable(cause.verify_message)}): see --ca"
    if isinstance(cause, ssl.SSLError):
        return f"encryption fails ({printable(cause.strerror or str(cause))}): if there is none, say ws://"
    if isinstance(cause, OSError) and not isinstance(cause, socket.gaierror):
        # asyncio has words of its own, with addresses that the one who reads knows; of several, one after
        # the other in a single text.
        numbers = [cause.errno] if cause.errno else [int(found) for found in _NUMBER.findall(str(cause))]
        if numbers:
            return os.strerror(numbers[-1])
    return printable(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)
