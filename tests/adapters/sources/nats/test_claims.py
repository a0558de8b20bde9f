"""What the source `nats` needs to start."""

from pathlib import Path

from beats.adapters.sources.nats import SOURCE, NatsSourceSettings
from beats.kernel.claims import Input


def test_it_needs_the_package_and_the_files_of_its_settings() -> None:
    """A server may come later."""
    settings = NatsSourceSettings.model_validate({"type": "nats", "token_file": Path("a")})
    claims = SOURCE.claims(settings, "test")
    assert claims.inputs == (Input("token_file", Path("a")),)
    assert [package.module for package in claims.packages] == ["nats"]
