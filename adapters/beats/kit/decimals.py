"""Numbers that people write in addresses and on command lines."""

import re
from typing import Final

_DECIMAL: Final = re.compile(r"(?=\.?[0-9])[0-9]{0,15}(\.[0-9]{0,15})?")


def decimal(text: str) -> float | None:
    """A plain decimal number, such as `10` or `0.5`; None for anything else.

    `float` also takes `1_0`, `1e1`, `nan`, blanks around a number, and the digits of every script.
    """
    return float(text) if _DECIMAL.fullmatch(text) else None
