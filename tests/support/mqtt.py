"""A real MQTT broker, Debian's mosquitto, on a free port of this machine, and its own client."""

import getpass
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import pytest

from tests.support import TIMEOUT_S, Program, clean_environment
from tests.support.nats import free_port

_NUMBERS: Final = count(1)
_SYSTEM_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin"
"""Debian puts the broker where programs of the system are, which is not on everybody's PATH."""


def program(name: str) -> str:
    """Where a program of mosquitto is; a test that needs it is skipped where there is none."""
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM_PROGRAMS}"
    return shutil.which(name, path=path) or pytest.skip(f"{name} is not installed")


class Mosquitto:
    """One broker, which forgets everything when it ends; a context manager."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true", *, tls: str = "") -> None:
        """Prepare a broker.

        Args:
            folder: where its files go.
            config: lines of its settings.
            tls: more lines, of its listener.
        """
        self.port: Final = free_port()
        self._folder: Final = folder
        self._file: Final = folder / f"mosquitto-{self.port}.conf"
        own = f"listener {self.port} 127.0.0.1\n{tls}\nlog_type all\nlog_dest stderr\nset_tcp_nodelay true\n"
        user = getpass.getuser()  # root's broker would become another user, who may not read its files
        self._file.write_text(f"user {user}\n{own}{config}\n")
        self._program: Program | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [program("mosquitto"), "-c", str(self._file)]
        self._program = Program(command, self._folder, clean_environment())
        try:
            self.wait_for_log(r"mosquitto version \S+ running")
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

    def freeze(self) -> None:
        """Stop it, with its connections open."""
        assert self._program is not None
        self._program.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._program.process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._program is not None
        self._program.signal(signal.SIGCONT)

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


class Heard(NamedTuple):
    """A message."""

    topic: str
    payload: bytes
    retained: bool
    """Whether it was kept from before."""
    qos: int

    @property
    def json(self) -> Any:
        """The payload as a document."""
        return json.loads(self.payload)


class Listener:
    """mosquitto's own client, subscribed to everything; a context manager."""

    def __init__(self, broker: Mosquitto, *options: str, topic: str = "#") -> None:
        """Subscribe; `options` are more of `mosquitto_sub`, such as a user."""
        form = "%t\t%x\t%r\t%q"  # topic, payload in hexadecimal digits, whether it was kept, QoS
        command = [program("mosquitto_sub"), "-h", "127.0.0.1", "-p", str(broker.port), "-t", topic]
        self._program: Final = Program(
            ["stdbuf", "-oL", *command, "-d", "-q", "2", "-F", form, *options], Path(), clean_environment()
        )
        self._program.out.wait_for("^Subscribed")

    def messages(self) -> list[Heard]:
        """All that has come so far."""
        lines = [
            line.split("\t") for line in self._program.out.so_far().splitlines() if line.count("\t") == 3
        ]
        return [Heard(topic, bytes.fromhex(data), kept == "1", int(qos)) for topic, data, kept, qos in lines]

    def by_topic(self) -> dict[str, Heard]:
        """The last message of each topic."""
        return {message.topic: message for message in self.messages()}

    def of(self, topic: str) -> list[bytes]:
        """The payloads of a topic."""
        return [message.payload for message in self.messages() if message.topic == topic]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.__exit__()


def send(broker: Mosquitto, topic: str, payload: bytes, *options: str) -> None:
    """Publish by mosquitto's own client; `options` are more of `mosquitto_pub`, such as -r to retain."""
    command = [program("mosquitto_pub"), "-h", "127.0.0.1", "-p", str(broker.port), "-t", topic, *options]
    subprocess.run(
        [*command, *([] if {"-l", "-n"} & {*options} else ["-s"])],
        input=payload,
        check=True,
        timeout=TIMEOUT_S,
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One broker for many tests."""
    with Mosquitto(tmp_path_factory.mktemp("mqtt")) as running:
        yield running


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that a test may kill."""
    with Mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def prefix() -> str:
    """The first level of topics that no other test has."""
    return f"p{next(_NUMBERS)}"
