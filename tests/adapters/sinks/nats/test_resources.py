"""What the sink `nats` needs to start."""

from pathlib import Path

from beats.adapters.sinks.nats import SINK, NatsSinkSettings
from beats.kernel.resources import Input


def test_it_needs_the_package_and_the_files_of_its_settings() -> None:
    """A server may come later."""
    settings = NatsSinkSettings.model_validate({"type": "nats", "token_file": Path("a")})
    resources = SINK.resources(settings, "test")
    assert resources.inputs == (Input("token_file", Path("a")),)
    assert [package.module for package in resources.packages] == ["nats"]
