"""The address of a stream as a QR code, for phones."""

from collections.abc import Iterator
from itertools import zip_longest
from urllib.parse import quote

import segno
from rich.text import Text

from beats.adapters.http.settings import ServerSettings
from beats.config.settings import SinkSettings
from beats.kit.secrets import secret_of

_QUIET_ZONE = 2
"""Light modules around the code. ISO/IEC 18004 asks for 4; cameras read it with 2."""


def page_for_phones(settings: SinkSettings | None, port: int) -> str | None:
    """The address of a sink's page with its token; None without a page that other machines can reach."""
    if not isinstance(settings, ServerSettings) or (address := settings.for_others(port)) is None:
        return None
    token = secret_of("token", settings.token, settings.token_file)
    return address.page_url + ("" if token is None else f"?token={quote(token, safe='')}")


def code(text: str) -> Text:
    """The QR code of a text, dark on light, two rows of modules to a line."""
    rows = [list(row) for row in segno.make(text, micro=False).matrix_iter(border=_QUIET_ZONE)]
    return Text("\n".join(_lines(rows)), style="black on white", no_wrap=True)


def _lines(rows: list[list[int]]) -> Iterator[str]:
    for upper, lower in zip_longest(rows[::2], rows[1::2], fillvalue=[0] * len(rows[0])):
        yield "".join(
            " ▄▀█"[2 * bool(above) + bool(below)] for above, below in zip(upper, lower, strict=True)
        )
