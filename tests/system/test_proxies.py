"""The real command behind real reverse proxies, with the recipes of the document."""

import json
import re
import socket
import tomllib
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from tests.support import PORT_0, TIMEOUT_S, Program, beats
from tests.support.reverse_proxies import (
    KINDS,
    LOOPBACK,
    NAME,
    Certificate,
    ReverseProxy,
    held_port,
    program_of,
    proxying,
    recipe,
)

BARE: Final[Mapping[str, str]] = {
    "nginx": f"""
        server {{
            listen 443 ssl;
            server_name {NAME};
            ssl_certificate /etc/ssl/wall.pem;
            ssl_certificate_key /etc/ssl/wall.key;
            location / {{ proxy_pass http://127.0.0.1:8765; }}
        }}
    """,
    "apache": f"""
        <VirtualHost *:443>
            ServerName {NAME}
            SSLEngine on
            SSLCertificateFile /etc/ssl/wall.pem
            SSLCertificateKeyFile /etc/ssl/wall.key
            ProxyPass / http://127.0.0.1:8765/
        </VirtualHost>
    """,
}
"""Settings without what upgrades need."""


class Site(NamedTuple):
    """Beats behind a proxy."""

    proxy: ReverseProxy
    stream: Program

    def status(self, path: str = "/wall/", origin: str | None = None) -> tuple[int, str]:
        """How a handshake is answered."""
        try:
            with self.proxy.watching(path, origin):
                return 101, ""
        except InvalidStatus as error:
            return error.response.status_code, (error.response.body or b"").decode()


@contextmanager
def behind(kind: str, folder: Path, site: str | None = None, *, listed: bool = True) -> Generator[Site]:
    """Beats and a proxy before it; `listed`: whether Beats knows the proxy's origin."""
    program_of(kind)
    with ExitStack() as stack:
        port = stack.enter_context(held_port())
        origins = ("--set", f"sinks.browser.origins=https://{NAME}:{port}") if listed else ()
        stream = stack.enter_context(beats("run", *PORT_0, *origins, cwd=folder))
        certificate = Certificate(folder)
        proxy = stack.enter_context(proxying(kind, port, stream.port, certificate, site))
        yield Site(proxy, stream)


@pytest.fixture(scope="module", params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Beats behind each proxy, by the recipe of the document."""
    kind: str = request.param
    with behind(kind, tmp_path_factory.mktemp(kind)) as site:
        yield site


def files_of(document: str) -> list[str]:
    """What a page loads."""
    return re.findall(r'(?:src|href)="(page/[^"]+)"', document)


def test_the_page_is_whole(site: Site) -> None:
    """At its place below another site, with every file, which a browser asks for with the page's origin."""
    page = site.proxy.fetch("/wall/")
    assert page.status == 200
    assert files_of(page.text)
    for file in files_of(page.text):
        assert site.proxy.fetch(f"/wall/{file}", Origin=site.proxy.origin).status == 200
    assert json.loads(site.proxy.fetch("/wall/api/session").text)["rights"] == {"steer": True}


def test_the_address_without_its_last_slash_leads_to_the_page(site: Site) -> None:
    """People type it so, and the page's own addresses are relative."""
    answer = site.proxy.fetch("/wall")
    assert answer.status in (301, 302)
    assert urlsplit(answer.headers["Location"]).path == "/wall/"


def test_viewers_get_the_stream(site: Site) -> None:
    """In a page of the proxy: frames and updates, with none missing in between; and they are heard."""
    with site.proxy.watching() as viewer:
        viewer.take(90)
        assert viewer.is_gap_free
        viewer.connection.send('{"kind": "control", "command": "nonsense"}')
        site.stream.err.wait_for("ignored invalid message 1 of client .*: command is 'nonsense'")


def test_players_get_each_picture_at_once(site: Site) -> None:
    """The proxy waits for no others to come: the next one is due in 100 s, and repeated after 5 s."""
    with site.proxy.playing("/wall/stream.mjpg?fps=0.01", timeout_s=4) as answer:
        assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
        while not (line := answer.readline()).startswith(b"Content-Length: "):
            pass
        while answer.readline().strip():
            pass
        assert answer.read(int(line.split()[1])).startswith(b"\xff\xd8")


def test_a_viewer_that_leaves_is_gone(site: Site) -> None:
    """The proxy passes on that it has."""
    with site.proxy.watching() as viewer:
        viewer.next()
    while json.loads(site.proxy.fetch("/wall/api/stats").text)["stats"]["sinks"][0]["clients"]:
        pass  # the test's own time limit bounds it


def test_foreign_pages_are_refused_with_the_reason(site: Site) -> None:
    """The proxy hides neither the origin nor the answer."""
    code, text = site.status(origin="https://evil.example")
    assert (code, "'https://evil.example'" in text) == (403, True)


def test_the_page_can_ask_why_the_stream_refuses(site: Site) -> None:
    """With the query that it would connect with."""
    assert site.proxy.fetch("/wall/?max_fps=5", Accept="text/plain").status == 200
    answer = site.proxy.fetch("/wall/?max_fps=no", Accept="text/plain")
    assert (answer.status, "max_fps is 'no'" in answer.text) == (400, True)


@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
def test_a_proxy_that_beats_does_not_know_is_told_of(kind: str, tmp_path: Path) -> None:
    """With its default `Host`, or the visitor's: a whole page, and a refusal that names the setting."""
    with behind(kind, tmp_path, listed=False) as site:
        origin = site.proxy.origin
        page = site.proxy.fetch("/wall/")
        for file in files_of(page.text):
            assert site.proxy.fetch(f"/wall/{file}", Origin=origin).status == 200
        code, text = site.status()
        assert (code, origin in text, "`origins`" in text) == (403, True, True)
        assert site.status() == (code, text)
        answer = site.proxy.fetch(f"/wall/?origin={origin}", Accept="text/plain")
        assert (answer.status, answer.text) == (code, text)
        site.stream.err.wait_for(rf'sinks\.browser\.origins = \["{re.escape(origin)}"\]')
        assert site.stream.interrupt() == 0
        assert site.stream.err.text().count(f"pages of the origin '{origin}'") == 1


@pytest.mark.parametrize("kind", BARE)
def test_a_proxy_that_passes_on_no_upgrade_is_told_of(kind: str, tmp_path: Path) -> None:
    """As both are by default; the page is whole, and a plain request is answered with 200."""
    with behind(kind, tmp_path, BARE[kind]) as site:
        page = site.proxy.fetch("/")
        for file in files_of(page.text):
            assert site.proxy.fetch(f"/{file}", Origin=site.proxy.origin).status == 200
        code, text = site.status("/")
        assert (code, "upgrades" in text) == (426, True)
        answer = site.proxy.fetch("/", Accept="text/plain")
        assert (answer.status, "upgrades" in answer.text) == (200, True)
        site.stream.err.wait_for("WARNING .* incomplete WebSocket handshake")


def test_a_path_that_the_proxy_leaves_is_told_of(tmp_path: Path) -> None:
    """The answer names the path that came."""
    text = recipe("nginx").replace("127.0.0.1:8765/;", "127.0.0.1:8765;")
    with behind("nginx", tmp_path, text) as site:
        answer = site.proxy.fetch("/wall/")
    assert (answer.status, "'/wall/'" in answer.text) == (404, True)


CHECKS: Final = (
    "option httpchk",
    "option httpchk GET /",
    "option httpchk GET /readyz",
    "option httpchk GET /livez HTTP/1.1",
    "option httpchk\n    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host wall.example",
)


def test_haproxys_checks_find_beats_well(tmp_path: Path) -> None:
    """With what it sends if not told otherwise: OPTIONS by HTTP/1.0, and no `Host`."""
    program_of("haproxy")
    recommended = "option httpchk GET /readyz"
    assert recommended in recipe("haproxy")
    known = ("--set", f"sinks.browser.origins=https://{NAME}")
    with beats("run", *PORT_0, *known, cwd=tmp_path) as stream:
        for number, check in enumerate(CHECKS):
            folder = tmp_path / str(number)
            folder.mkdir()
            with held_port() as port, held_port() as own:
                head = f"global\n    stats socket ipv4@{LOOPBACK}:{own} level user\n\n"
                # Soon, and with time for an answer on a machine that is busy.
                site = recipe("haproxy").replace(recommended, f"timeout check 10s\n    {check}")
                site = site.replace(" check\n", " check inter 200ms\n")
                with proxying("haproxy", port, stream.port, Certificate(folder), head + site) as proxy:
                    assert proxy.fetch("/wall/").status == 200
                    while (state := server_state(own)) == ("UP", "INI"):
                        pass  # not checked yet; the test's own time limit bounds it
                    assert state == ("UP", "L7OK"), check


def server_state(port: int) -> tuple[str, str]:
    """What HAProxy thinks of its server, and of the last check of it."""
    with socket.create_connection((LOOPBACK, port), TIMEOUT_S) as connection:
        connection.sendall(b"show stat\n")
        text = b""
        while piece := connection.recv(65536):
            text += piece
    head, *rows = [line.split(",") for line in text.decode().removeprefix("# ").splitlines() if line]
    (server,) = [dict(zip(head, row, strict=True)) for row in rows if row[:2] == ["beats", "beats"]]
    return server["status"], server["check_status"].removeprefix("* ")


def test_the_settings_of_the_document_are_right(tmp_path: Path) -> None:
    """Those of Beats, which the recipes need."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "wall.toml").write_text(recipe("toml"))
    assert tomllib.loads(recipe("toml"))["sinks"]["browser"]["origins"] == [f"https://{NAME}"]
    with beats("config", "check", "--strict", "--profile", "wall", cwd=tmp_path) as program:
        assert program.end() == 0, program.err.text()
