"""Recordings on disk: how they are written, and how they are read back, whole or damaged.

A recording is an MCAP file (https://mcap.dev/spec) with one channel for each topic. The bytes of a message
are those of the envelope; everything else that a reader needs is in metadata records (see `format`).
"""

from typing import Final

SUFFIX: Final = ".mcap"
"""The ending of a recording's name."""
MAGIC: Final = b"\x89MCAP0\r\n"
"""How every recording begins: section "Magic" of the specification."""
UNFINISHED_SUFFIX: Final = ".part"
"""Added to the name of a recording, or of an exported file, while it is being written."""
