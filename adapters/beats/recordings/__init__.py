"""Recordings on disk: how they are written, and how they are read back, whole or damaged.

A recording is an MCAP file (https://mcap.dev/spec): one channel for each topic, a message's bytes are the
envelope's, and what a reader must know besides stands in metadata records (see `format`).
"""

from typing import Final

SUFFIX: Final = ".mcap"
"""What the name of a recording ends with."""
PART_SUFFIX: Final = ".part"
"""Added to the name of a recording, or of another file, while it is being written."""
