"""What a host stands for when a server listens there."""

import errno
import socket
from contextlib import ExitStack
from functools import partial

import pytest

from beats.kit.addresses import Address, addresses, bind_all, is_wildcard

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


TWO: list[Address] = [(IPV4, "127.0.0.1"), (IPV4, "127.0.0.2")]


def bound(stack: ExitStack, family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """A socket, as a server makes it."""
    sock = stack.enter_context(socket.socket(family))
    sock.bind((address, port))
    return sock


def test_port_0_is_one_port_that_is_free_on_every_address() -> None:
    """Another program may have the port that the first address finds on the second: another one is found."""
    taken: list[int] = []
    with ExitStack() as stack:

        def bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
            if port and not taken:
                taken.append(port)
                bound(stack, family, address, port)
            return bound(stack, family, address, port)

        ports = [sock.getsockname()[1] for sock in bind_all(TWO, 0, bind)]
    assert len(taken) == 1
    assert ports == [ports[0]] * 2 != taken * 2


def test_a_given_port_is_never_replaced() -> None:
    """It is in use on one address: an error, and what was bound on the others is free again."""
    with ExitStack() as stack:
        port = bound(stack, *TWO[1], 0).getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            bind_all(TWO, port, partial(bound, stack))
        bound(stack, *TWO[0], port)


def test_an_address_that_the_machine_lacks_is_left_out_as_long_as_it_has_one() -> None:
    """As IPv6 in many containers (192.0.2.1 is of nobody: RFC 5737)."""
    foreign: Address = (IPV4, "192.0.2.1")
    with ExitStack() as stack:
        (sock,) = bind_all([foreign, TWO[0]], 0, partial(bound, stack))
        assert sock.getsockname()[0] == TWO[0][1]
        with pytest.raises(OSError, match="assign") as caught:
            bind_all([foreign], 0, partial(bound, stack))
    assert caught.value.errno == errno.EADDRNOTAVAIL
