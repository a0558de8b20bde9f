"""Who may watch and who may steer."""

import hmac
from http import HTTPStatus

import pytest

from beats.adapters.http.access import Denied, Rights, Tokens, authorise, bearer

NONE: list[str] = []
WATCH, STEER, NO = Rights(steer=False), Rights(steer=True), HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("watch", "control", "outcome", "presented"),
    [
        (None, None, STEER, (NONE, ["x"])),
        ("w", None, STEER, (["w"], ["x", "w"])),
        ("w", None, NO, (NONE, ["x"], ["\udcff"])),
        ("w", "c", WATCH, (["w"],)),
        ("w", "c", STEER, (["c"],)),
        ("w", "c", NO, (NONE, ["x"])),
        (None, "c", WATCH, (NONE,)),
        (None, "c", STEER, (["c"],)),
        (None, "c", NO, (["x"],)),
        ("wörd", None, STEER, (["wörd"],)),
    ],
)
def test_tokens_give_rights(
    watch: str | None, control: str | None, outcome: object, presented: tuple[list[str], ...]
) -> None:
    """Where there is a control token, watching does not imply steering; a wrong token is refused."""
    for tokens in presented:
        result = authorise(Tokens(watch, control), tokens)
        assert (result.status if isinstance(result, Denied) else result) == outcome, tokens


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that were presented, also after one that is right: the time of an answer tells nothing."""
    compared: list[bytes] = []

    def note(ours: bytes, theirs: bytes) -> bool:
        compared.append(theirs)
        return ours == theirs

    monkeypatch.setattr(hmac, "compare_digest", note)
    assert authorise(Tokens("w", None), ["w", "x"]) == STEER
    assert compared == [b"w", b"x"]


def test_a_refusal_does_not_quote_any_token() -> None:
    """Neither the presented token nor the right one."""
    result = authorise(Tokens("secret-watch", "secret-control"), ["guess"])
    assert isinstance(result, Denied)
    assert "secret" not in result.text
    assert "guess" not in result.text


def test_the_authorization_header_carries_a_bearer_token() -> None:
    """The scheme's letter case does not matter; other schemes hold no token of ours."""
    assert bearer("Bearer abc") == bearer("bearer  abc ") == "abc"
    assert {bearer(header) for header in ("Basic abc", "Bearer", "Bearer  ", "", None)} == {None}
