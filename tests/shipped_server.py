"""The NATS server of users: with the settings that are shipped, but for what one machine has only one of."""

import re
from pathlib import Path
from typing import Final

from beats.config.layers.profiles import SHIPPED
from tests.nats_server import installed

READY: Final = r"Listening for client connections on \S+:(\d+)"
"""The line of its log that tells its port."""


def command(folder: Path, host: str = "127.0.0.1") -> list[str]:
    """Starts one at an address, on a port that it chooses, with its files in a folder."""
    settings = (SHIPPED / "nats-server.conf").read_text()
    for key, value in {"host": host, "store_dir": str(folder / "jetstream")}.items():
        settings, count = re.subn(rf'^(\s*{key}): ".*"$', rf'\1: "{value}"', settings, flags=re.MULTILINE)
        assert count == 1, f"{count} lines for {key}"
    file = folder / "nats-server.conf"
    file.write_text(settings)
    return [installed(), "--config", str(file), "--port", "-1"]
