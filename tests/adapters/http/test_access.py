"""Who may watch and who may steer."""

from http import HTTPStatus

import pytest

from beats.adapters.http.access import Denied, Rights, Tokens, authorise, bearer

WATCH, STEER, NO = Rights(steer=False), Rights(steer=True), HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("tokens", "presented", "outcome"),
    [
        (Tokens(None, None), [], STEER),
        (Tokens(None, None), ["x"], STEER),
        (Tokens("w", None), ["w"], STEER),
        (Tokens("w", None), [], NO),
        (Tokens("w", None), ["x"], NO),
        (Tokens("w", None), ["x", "w"], STEER),
        (Tokens("w", "c"), ["w"], WATCH),
        (Tokens("w", "c"), ["c"], STEER),
        (Tokens("w", "c"), ["x"], NO),
        (Tokens("w", "c"), [], NO),
        (Tokens(None, "c"), [], WATCH),
        (Tokens(None, "c"), ["c"], STEER),
        (Tokens(None, "c"), ["x"], NO),
        (Tokens("wörd", None), ["wörd"], STEER),
        (Tokens("w", None), ["\udcff"], NO),
    ],
)
def test_tokens_give_rights(tokens: Tokens, presented: list[str], outcome: object) -> None:
    """Where there is a control token, watching does not imply steering; a wrong token is refused."""
    result = authorise(tokens, presented)
    assert (result.status if isinstance(result, Denied) else result) == outcome


def test_a_refusal_does_not_quote_any_token() -> None:
    """Neither the presented token nor the right one."""
    result = authorise(Tokens("secret-watch", "secret-control"), ["guess"])
    assert isinstance(result, Denied)
    assert "secret" not in result.text
    assert "guess" not in result.text


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("", None),
        (None, None),
    ],
)
def test_the_authorization_header_carries_a_bearer_token(header: str | None, token: str | None) -> None:
    """The scheme's letter case does not matter; other schemes hold no token of ours."""
    assert bearer(header) == token
