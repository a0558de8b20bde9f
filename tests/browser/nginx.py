"""nginx before a stream, encrypted and below another site."""

import os
import shutil
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.adapters.sinks.websocket.test_tls import make_certificate
from tests.support import TIMEOUT_S, Program, clean_environment

_UPGRADES: Final = """
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
"""
_CONFIG: Final = """
{user}
daemon off;
pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  {paths}
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    location /wall/ {{
      proxy_pass http://127.0.0.1:{to_port}/;
      proxy_read_timeout 1h;
      {upgrades}
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, to_port: int, *, upgrades: bool = True) -> Generator[str]:
    """The address of a page behind it, while it runs; without it the test is skipped.

    Args:
        folder: for its files.
        to_port: where the stream is.
        upgrades: whether it passes on what makes a WebSocket of a request.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("on Debian, install the package nginx")
    cert, key = make_certificate(folder, "nginx")
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    port = _free_port()
    (folder / "nginx.conf").write_text(
        _CONFIG.format(
            user="user root;" if os.geteuid() == 0 else "",  # its workers must reach the test's folder
            folder=folder,
            paths=" ".join(f"{name}_temp_path {folder}/{name};" for name in temporary),
            port=port,
            cert=cert,
            key=key,
            to_port=to_port,
            upgrades=_UPGRADES if upgrades else "",
        )
    )
    arguments = [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with Program(arguments, folder, clean_environment()) as running:
        _wait_for(running, port)
        yield f"https://127.0.0.1:{port}/wall/"


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        found: int = sock.getsockname()[1]
        return found


def _wait_for(program: Program, port: int) -> None:
    """Wait until it accepts connections."""
    end_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), TIMEOUT_S).close()
        except ConnectionRefusedError:
            assert program.process.poll() is None, program.err.text()
            assert time.monotonic() < end_s, program.err.so_far()
            time.sleep(0.02)
        else:
            return
