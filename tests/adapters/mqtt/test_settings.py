"""The settings of a connection to a broker."""

import pytest
from pydantic import ValidationError

from beats.adapters.sinks.mqtt import MqttSinkSettings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tls_cert": "a.pem"}, "tls_cert and tls_key go together"),
        ({"password": "hush"}, "a password needs a user"),
        ({"user": "ann", "password": "hush", "password_file": "b"}, "two places for one secret"),
        ({"prefix": "a/#"}, "prefix\n.*must be levels such as hall/wall"),
        ({"host": "mqtt://x"}, "host\n.*must be a name or an address alone, such as"),
        ({"host": "a:18830"}, "host\n.*give the port as `port`"),
        ({"prefix": "$SYS"}, "prefix"),
        ({"prefix": "a//b"}, "prefix"),
        ({"qos": 3}, "qos"),
    ],
)
def test_what_no_broker_would_take_is_refused(changes: dict[str, object], said: str) -> None:
    """Before anything opens."""
    with pytest.raises(ValidationError, match=said):
        MqttSinkSettings.model_validate({"type": "mqtt", **changes}, strict=False)


@pytest.mark.parametrize("changes", [{"tls": True}, {"tls_ca": "a"}, {"tls_cert": "a", "tls_key": "b"}])
def test_certificates_imply_encryption(changes: dict[str, object]) -> None:
    """A connection that trusts somebody's certificates and is open would be a mistake."""
    assert MqttSinkSettings.model_validate({"type": "mqtt", **changes}, strict=False).is_encrypted
    assert not MqttSinkSettings(type="mqtt").is_encrypted
