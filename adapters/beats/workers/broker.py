"""Runs a nats-server on loopback for the duration of a run."""

import asyncio
import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from beats.kernel.errors import SettingsStartError, StartError

PROGRAM: Final = "nats-server"
_SYSTEM_FOLDERS: Final = ("/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin")
"""Where packages install it, which is not on every user's path."""
_START_S: Final = 10.0
_LOOK_S: Final = 0.02
_RESTART_S: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1
_MIB: Final = 1024 * 1024

_log: Final = logging.getLogger(__name__)


def find_program() -> str | None:
    """The path of nats-server; None when it is not installed."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=os.pathsep.join(_SYSTEM_FOLDERS))


def configuration(port: int, folder: Path, token: str) -> str:
    """The configuration file of the server.

    In nats-server 2.9, a subscriber that does not read stalls publishers once three quarters of
    `max_pending` wait for it, until `write_deadline` disconnects it. So three quarters of `max_pending` must
    exceed what is published within `write_deadline`. These values suffice for 190 MB/s.
    """
    return "\n".join(
        [
            'host: "127.0.0.1"',
            f"port: {port}",
            f"max_payload: {64 * _MIB}",
            f"max_pending: {256 * _MIB}",
            'write_deadline: "1s"',
            f'authorization {{ token: "{token}" }}',
            f'ports_file_dir: "{folder}"',
            "jetstream {",
            f'  store_dir: "{folder / "js"}"',
            f"  max_memory_store: {256 * _MIB}",
            "  max_file_store: 0",
            "}",
            "",
        ]
    )


@asynccontextmanager
async def broker() -> AsyncGenerator[str]:
    """Run a server on a free port of 127.0.0.1, with a random token; yields its URL.

    A server that ends is restarted on the same port.

    Raises:
        StartError: nats-server is not installed, or does not start; says what to do.
    """
    program = find_program()
    if program is None:
        raise SettingsStartError(
            "--workers passes the stream on through nats-server, which is not installed: install it (Debian: "
            "apt install nats-server; macOS: brew install nats-server), or name a running one with --broker "
            "nats://HOST:4222"
        )
    # A folder for its configuration that no other user can read; removed at the end.
    with tempfile.TemporaryDirectory(prefix="beats-broker-", ignore_cleanup_errors=True) as name:
        server = _Server(program, Path(name))
        port = await server.start(-1)
        async with anyio.create_task_group() as group:
            group.start_soon(server.keep, port)
            try:
                yield f"nats://{server.token}@127.0.0.1:{port}"
            finally:
                group.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await server.end()


class _Server:
    def __init__(self, program: str, folder: Path) -> None:
        self.token: Final = secrets.token_hex(16)
        self._program: Final = program
        self._folder: Final = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, port: int) -> int:
        """Start the server, and return its port once it listens; with -1 it chooses one."""
        settings, log = self._folder / "server.conf", self._folder / "server.log"
        settings.touch(0o600)
        settings.write_text(configuration(port, self._folder, self.token))
        with log.open("wb") as output:
            # In a new session, so that Ctrl-C reaches only Beats, which ends the server last.
            process = self._process = await asyncio.create_subprocess_exec(
                self._program,
                "--config",
                str(settings),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        file = self._folder / f"{Path(self._program).name}_{process.pid}.ports"
        with anyio.move_on_after(_START_S):
            while process.returncode is None:
                if (found := await to_thread.run_sync(_port, file)) is not None:
                    return found
                await anyio.sleep(_LOOK_S)
        await self.end()
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["its log is empty"]
        raise StartError(f"{self._program} does not start: {last[0]}")

    async def keep(self, port: int) -> None:
        """Restart the server whenever it ends."""
        while self._process is not None:
            code = await self._process.wait()
            _log.error("nats-server ended (exit code %d): restarting it; viewers see a gap", code)
            await anyio.sleep(_RESTART_S)
            try:
                await self.start(port)
            except StartError as error:
                _log.error("%s", error)

    async def end(self) -> None:
        """Terminate the server; kill it if it does not end."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        with anyio.move_on_after(2):
            await process.wait()
            return
        process.kill()
        await process.wait()


def _end_with_parent() -> None:
    """Let the new process end when the parent is killed; runs in it. See prctl(2); Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _port(file: Path) -> int | None:
    """The port from the file that the server writes when it listens; None until then."""
    try:
        (address, *_) = json.loads(file.read_text())["nats"]
    except (OSError, ValueError, KeyError):
        return None
    return int(str(address).rpartition(":")[2])
