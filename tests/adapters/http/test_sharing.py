"""The address of a stream for another device."""

from urllib.parse import quote

import pytest

from beats.adapters.http.sharing import share
from beats.kernel.capabilities import Address


def lan(port: int) -> Address:
    return Address("192.0.2.7", port)


def test_an_address_that_others_can_open_stays() -> None:
    """A proxy's name and path are what the viewer sees; the token and the query go with them."""
    told = share(f"url={quote('https://wall.example/show/?max_fps=5#x', safe='')}", "a+b", lan)
    assert told["url"] == "https://wall.example/show/?max_fps=5&token=a%2Bb#x"


def test_localhost_becomes_the_address_on_the_network() -> None:
    """With the port that the viewer sees."""
    assert share("url=http://localhost:8765/", "", lan)["url"] == "http://192.0.2.7:8765/"
    assert share("url=http://[::1]/", "", lan)["url"] == "http://192.0.2.7:80/"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://wall.example/", "http://wall.example:x/", f"http://a/{'b' * 1000}", "http://localhost:1/"],
)
def test_what_no_phone_can_open_has_a_reason_and_no_code(url: str) -> None:
    """No address, a too long one, or one of this machine alone."""
    told = share(f"url={url}", "", lambda port: None)
    assert set(told) == {"why"}
