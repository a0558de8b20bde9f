"""What the source `nats` needs to start."""

from pathlib import Path

from beats.adapters.sources.nats import SOURCE, NatsSourceSettings
from beats.kernel.resources import Input


def test_it_needs_the_package_and_the_files_of_its_settings() -> None:
    """A server may come later."""
    settings = NatsSourceSettings.model_validate({"type": "nats", "token_file": Path("a")})
    resources = SOURCE.resources(settings, "test")
    assert resources.inputs == (Input("token_file", Path("a")),)
    assert [package.module for package in resources.packages] == ["nats"]
