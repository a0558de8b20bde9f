"""What a host stands for when a server listens there."""

import socket

import pytest

from beats.kit.addresses import addresses, is_wildcard

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", [(IPV4, "127.0.0.1")]),
        ("127.1", [(IPV4, "127.0.0.1")]),
        ("::1", [(IPV6, "::1")]),
        ("0.0.0.0", [(IPV4, "0.0.0.0")]),
        ("0", [(IPV4, "0.0.0.0")]),
        ("::", [(IPV6, "::"), (IPV4, "0.0.0.0")]),
        ("0::0", [(IPV6, "::"), (IPV4, "0.0.0.0")]),
    ],
)
def test_a_host_has_addresses(host: str, found: list[tuple[socket.AddressFamily, str]]) -> None:
    """Each once; `::` means all addresses of both families, as users expect."""
    assert addresses(host) == found


def test_a_star_means_all_addresses() -> None:
    """As in the C library."""
    assert set(addresses("*")) == {(IPV4, "0.0.0.0"), (IPV6, "::")}


@pytest.mark.parametrize("host", ["beats.invalid", "x" * 70, "a\0b", "[::1]", "."])
def test_a_host_without_address_is_an_operating_system_error(host: str) -> None:
    """Whatever is wrong with it, the error has a text."""
    with pytest.raises(OSError, match=r"not known|not a name|No address") as caught:
        addresses(host)
    assert caught.value.strerror


@pytest.mark.parametrize(
    ("hosts", "wildcard"),
    [
        (["0.0.0.0", "::", "*", "0", "0x0", "000.0", "0:0::0", "::0"], True),
        (["localhost", "127.0.0.5", "::1", "192.168.1.5", "wall.local", ""], False),
    ],
)
def test_a_wildcard_is_recognised_in_any_form(hosts: list[str], wildcard: bool) -> None:
    """Without asking a name server."""
    assert {is_wildcard(host) for host in hosts} == {wildcard}
