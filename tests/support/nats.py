"""Real NATS servers on free ports of this machine: one for tests, and the one that is shipped to users.

The fixtures are for tests of the relay, whose library runs on asyncio only.
"""

import os
import random
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, Self

import pytest

from beats.config.layers.profiles import SHIPPED
from beats.workers.broker import find_program
from tests.support import TIMEOUT_S, Program, clean_environment

READY: Final = r"Listening for client connections on \S+:(\d+)"
"""The line of its log that tells its port."""
_NUMBERS: Final = count(1)


def installed() -> str:
    """Where the server is; a test that needs one is skipped where there is none."""
    return find_program() or pytest.skip("nats-server is not installed")


def free_port() -> int:
    """A free port outside the range that the system gives to connections.

    A client that tries again and again to connect to one of those will once be connected to itself.
    """
    while True:
        port = random.randrange(10_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class NatsServer:
    """One server, with JetStream in memory unless told otherwise; a context manager.

    It can be killed, and started again on the same port: then it has forgotten everything.
    """

    def __init__(self, folder: Path, config: str = "", *, jetstream: bool = True, port: int = 0) -> None:
        """Prepare a server.

        Args:
            folder: where its files go.
            config: more lines of its settings.
            jetstream: whether it has JetStream.
            port: to listen on; a free one when 0.
        """
        self.port: Final = port or free_port()
        self.url: Final = f"nats://127.0.0.1:{self.port}"
        self._folder: Final = folder
        self._file: Final = folder / f"nats-{self.port}.conf"
        lines = [f"listen: 127.0.0.1:{self.port}", 'write_deadline: "1s"', config]
        if jetstream:
            lines.append(f'jetstream {{ store_dir: "{folder}/js-{self.port}", max_memory_store: 256MB }}')
        self._file.write_text("\n".join(lines) + "\n")
        self._program: Program | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._program = Program([installed(), "-c", str(self._file)], self._folder, clean_environment())
        try:
            self._program.err.wait_for("Server is ready")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._program is not None
        self._program.signal(signal.SIGKILL)
        self._program.process.wait(TIMEOUT_S)
        self._program.__exit__()
        self._program = None

    def reload(self, config: str) -> None:
        """Have it take on other lines in place of those that it was made with."""
        head = self._file.read_text().splitlines()[:2]
        self._file.write_text("\n".join([*head, config]) + "\n")
        self._signal(signal.SIGHUP)
        assert self._program is not None
        self._program.err.wait_for("Reloaded server configuration")

    def freeze(self) -> None:
        """Stop it, with its connections open."""
        self._signal(signal.SIGSTOP)
        assert self._program is not None
        os.waitid(os.P_PID, self._program.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it has said since it was started last."""
        assert self._program is not None
        return self._program.err.so_far()

    def wait_for_log(self, pattern: str) -> None:
        """Wait for a line of its log."""
        assert self._program is not None
        self._program.err.wait_for(pattern)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._program is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._program is not None
        self._program.signal(number)


def shipped_command(folder: Path, host: str = "127.0.0.1") -> list[str]:
    """What starts a server with the shipped settings at an address, with its port and files of its own."""
    settings = (SHIPPED / "nats-server.conf").read_text()
    for key, value in {"host": host, "store_dir": str(folder / "jetstream")}.items():
        settings, found = re.subn(rf'^(\s*{key}): ".*"$', rf'\1: "{value}"', settings, flags=re.MULTILINE)
        assert found == 1, f"{found} lines for {key}"
    file = folder / "nats-server.conf"
    file.write_text(settings)
    return [installed(), "--config", str(file), "--port", "-1"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One server for many tests."""
    with NatsServer(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that a test may kill."""
    with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def stream() -> str:
    """The name of a stream that no other test has."""
    return f"s{next(_NUMBERS)}"
