"""Real reverse proxies for tests, as Debian has them, on free ports of this machine."""

import http.client
import os
import re
import shutil
import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import trustme
from websockets.typing import Origin

from tests.support import TIMEOUT_S, Answer, Program, Viewer, asked, clean_environment, until, watching

NAME: Final = "wall.example"
LOOPBACK: Final = "127.0.0.1"
_DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "proxies.md").read_text()
_MODULES: Final = Path("/usr/lib/apache2/modules")


def recipe(language: str) -> str:
    """The one block of this language in the document."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", _DOCUMENT, re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


class Certificate:
    """A certificate for `wall.example`, from an authority of its own, in files as the recipes name them."""

    def __init__(self, folder: Path) -> None:
        """Write the files."""
        authority = trustme.CA()
        issued = authority.issue_cert(NAME)
        self.folder: Final = folder
        self.trusting: Final = ssl.create_default_context()
        # The clients read in one thread and write in another. With TLS 1.3, a session ticket that comes in
        # the first write can lose that: Python before 3.13 has no lock around a connection's state.
        self.trusting.maximum_version = ssl.TLSVersion.TLSv1_2
        self.trusting.load_verify_locations(cadata=authority.cert_pem.bytes().decode())
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        (folder / "wall.pem").write_bytes(chain)
        (folder / "wall.key").write_bytes(issued.private_key_pem.bytes())
        (folder / "wall-with-key.pem").write_bytes(chain + issued.private_key_pem.bytes())


def _nginx(folder: Path, port: int, site: str) -> list[str]:
    user = "user root;" if os.geteuid() == 0 else ""  # its workers must reach the test's folder
    paths = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return _written(
        folder / "nginx.conf",
        f"{user} daemon off; pid {folder}/nginx.pid; events {{}}\n"
        f"http {{ access_log off; {paths}\n{site.replace('listen 443', f'listen {LOOPBACK}:{port}')}\n}}",
        ("-e", "stderr", "-p", str(folder), "-c"),
    )


def _caddy(folder: Path, port: int, site: str) -> list[str]:
    head = "{\n admin off\n auto_https disable_redirects\n}\n"
    site = site.replace(f"{NAME} {{", f"{NAME}:{port} {{\n    bind {LOOPBACK}")
    return _written(folder / "Caddyfile", head + site, ("run", "--adapter", "caddyfile", "--config"))


def _haproxy(folder: Path, port: int, site: str) -> list[str]:
    return _written(
        folder / "haproxy.cfg", site.replace("bind :443", f"bind {LOOPBACK}:{port}"), ("-db", "-f")
    )


def _apache(folder: Path, port: int, site: str) -> list[str]:
    modules = ("mpm_event", "authz_core", "alias", "socache_shmcb", "ssl", "proxy", "proxy_http")
    lines = [f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in modules]
    lines += [f"ServerRoot {folder}", f"PidFile {folder}/apache.pid", "ErrorLog /dev/stderr"]
    lines += ["User www-data", "Group www-data", f"ServerName {NAME}", f"Listen {LOOPBACK}:{port}"]
    site = site.replace("*:443", f"{LOOPBACK}:{port}")
    return _written(folder / "apache.conf", "\n".join([*lines, site]), ("-D", "FOREGROUND", "-f"))


def _written(file: Path, text: str, arguments: tuple[str, ...]) -> list[str]:
    """The arguments to run with a file that holds a text."""
    file.write_text(f"{text}\n")
    return [*arguments, str(file)]


class Kind(NamedTuple):
    """One of the programs."""

    package: str
    """Debian's."""
    program: str
    language: str
    """Of its block in the document."""
    arguments: Callable[[Path, int, str], list[str]]
    """Writes settings around those of a site, and gives the arguments to run with them."""


KINDS: Final[Mapping[str, Kind]] = {
    "nginx": Kind("nginx", "nginx", "nginx", _nginx),
    "caddy": Kind("caddy", "caddy", "caddyfile", _caddy),
    "haproxy": Kind("haproxy", "haproxy", "haproxy", _haproxy),
    "apache": Kind("apache2-bin", "apache2", "apache", _apache),
}


@contextmanager
def held_port() -> Generator[int]:
    """A port that is not given to others while the block lasts, and that a server can listen on.

    Two sockets may be bound to one port with SO_REUSEADDR as long as only one of them listens.
    """
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, 0))
        yield sock.getsockname()[1]


class ReverseProxy:
    """One that runs."""

    def __init__(self, kind: str, port: int, certificate: Certificate, program: Program) -> None:
        self.kind: Final = kind
        self.port: Final = port
        self.origin: Final = f"https://{NAME}:{port}"
        """What a browser calls its pages."""
        self.program: Final = program
        self._certificate: Final = certificate

    def fetch(self, path: str, **headers: str) -> Answer:
        """Ask by its name, on an encrypted connection."""
        return asked(self._connection(TIMEOUT_S), path, **headers)

    @contextmanager
    def playing(self, path: str, timeout_s: float) -> Generator[http.client.HTTPResponse]:
        """An answer to read from; each read may take as long as the timeout."""
        with closing(self._connection(timeout_s)) as connection:
            connection.request("GET", path)
            with connection.getresponse() as response:
                yield response

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(NAME, self.port)
        plain = socket.create_connection((LOOPBACK, self.port), timeout_s)
        connection.sock = self._certificate.trusting.wrap_socket(plain, server_hostname=NAME)
        return connection

    def watching(self, path: str = "/wall/", origin: str | None = None) -> AbstractContextManager[Viewer]:
        """A viewer in a page of this origin; the proxy's own when None."""
        plain = socket.create_connection((LOOPBACK, self.port), TIMEOUT_S)
        trusting, page = self._certificate.trusting, Origin(origin or self.origin)
        return watching(f"wss://{NAME}:{self.port}{path}", sock=plain, ssl=trusting, origin=page)


def program_of(kind: str) -> str:
    """Where a proxy's program is; a test that needs it is skipped where there is none."""
    package, program, _, _ = KINDS[kind]
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    return shutil.which(program, path=path) or pytest.skip(f"on Debian, install the package {package}")


@contextmanager
def proxying(
    kind: str, port: int, to_port: int, certificate: Certificate, site: str | None = None
) -> Generator[ReverseProxy]:
    """A proxy that has started, before what listens on another port of this machine.

    Args:
        kind: which one.
        port: where it listens.
        to_port: what it passes on to.
        certificate: its certificate, in a folder for this proxy alone.
        site: its settings; those of the document when None.
    """
    program = program_of(kind)
    site = recipe(KINDS[kind].language) if site is None else site
    assert f"{LOOPBACK}:8765" in site
    site = site.replace(f"{LOOPBACK}:8765", f"{LOOPBACK}:{to_port}")
    site = site.replace("/etc/ssl/", f"{certificate.folder}/")
    arguments = KINDS[kind].arguments(certificate.folder, port, site)
    environment = clean_environment(HOME=str(certificate.folder))
    with Program([program, *arguments], certificate.folder, environment) as running:
        until(lambda: _listens(running, port))
        yield ReverseProxy(kind, port, certificate, running)


def _listens(program: Program, port: int) -> bool:
    """Whether something accepts connections; fails when the program has ended."""
    try:
        socket.create_connection((LOOPBACK, port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        assert program.process.poll() is None, program.err.text()
        return False
    return True
