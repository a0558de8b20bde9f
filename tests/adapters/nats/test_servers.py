"""Addresses of NATS servers."""

import pytest

from beats.adapters.nats.servers import Server, ServerPool, masked, server


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("nats://host", Server("host")),
        ("nats://host:4333", Server("host", 4333)),
        ("host", Server("host")),
        ("host:4333", Server("host", 4333)),
        ("tls://host/", Server("host", encrypted=True)),
        ("nats://[::1]:5", Server("::1", 5)),
        ("nats://ann:p%40ss@host", Server("host", user="ann", password="p@ss")),
        ("nats://hush@host", Server("host", user="hush")),
    ],
)
def test_an_address_has_server_and_login(url: str, found: Server) -> None:
    """A user without a password is a token."""
    assert server(url) == found


@pytest.mark.parametrize(
    ("why", "urls"),
    [
        ("must begin with", ("http://host", "ws://host")),
        ("must name a host", ("nats://", "nats://:4222")),
        ("must have a port", ("nats://host:99999", "nats://host:x")),
        ("must end with the port", ("nats://host/path", "nats://host?x=1")),
        ("must be an address", ("nats://[::1",)),
    ],
)
def test_an_invalid_address_is_refused(why: str, urls: tuple[str, ...]) -> None:
    """Without showing it, since it may hold a password."""
    for url in urls:
        with pytest.raises(ValueError, match=why) as caught:
            server(url.replace("://", "://ann:hush@", 1))
        assert "hush" not in str(caught.value)


def test_an_address_is_shown_without_the_user() -> None:
    """In the log and with the settings."""
    assert str(server("nats://ann:hush@host")) == "nats://host:4222"
    assert str(server("tls://[::1]:5")) == "tls://[::1]:5"
    assert masked("nats://ann:h@u@sh@host:1") == "nats://host:1"
    assert masked("ann:hush@host") == "host"
    assert masked("nats://host:1") == "nats://host:1"


def test_servers_are_tried_in_turn() -> None:
    """The one that answered comes first, the one that was lost last."""
    a, b, c = (Server(name) for name in "abc")
    pool = ServerPool([a, b, a, c])
    assert pool.round() == [a, b, c]
    pool.reached(b, [])
    assert pool.round() == [b, a, c]
    pool.lost(b)
    assert pool.round() == [a, c, b]


def test_a_cluster_announces_other_servers() -> None:
    """They have the same users; an address alone does not tell the name in a certificate."""
    first = Server("host", user="ann", password="hush", encrypted=True)
    pool = ServerPool([first])
    pool.reached(first, [("host", 4222), ("10.0.0.2", 4222), ("other", 1)])
    assert pool.round() == [
        first,
        first._replace(host="10.0.0.2", tls_name="host"),
        first._replace(host="other", port=1),
    ]
    address = pool.round()[1]
    pool.reached(address, [("10.0.0.3", 4222)])
    assert pool.round()[-1].tls_name == "host"


def test_the_number_of_servers_is_bounded() -> None:
    """A server could announce others without end."""
    first = Server("host")
    pool = ServerPool([first])
    for number in range(1000):
        pool.reached(first, [(f"h{number}", 1)])
    assert len(pool.round()) == 64
