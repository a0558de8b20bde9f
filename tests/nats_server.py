"""A real NATS server for tests: Debian's, on a free port of this machine, and a client that looks at it."""

import os
import random
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import pytest

from beats.workers.broker import find_program
from tests.support import TIMEOUT_S, Program, clean_environment


def installed() -> str:
    """Where the server is; a test that needs one is skipped where there is none."""
    return find_program() or pytest.skip("nats-server is not installed")


def free_port() -> int:
    """A port that nobody listens on, and that no connection is given by itself.

    Whoever tries again and again to connect to one of those will once be connected to himself.
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
        self._signal(signal.SIGKILL)
        self._forget()

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

    def _forget(self) -> None:
        if self._program is not None:
            self._program.process.wait(TIMEOUT_S)
            self._program.__exit__()
            self._program = None
