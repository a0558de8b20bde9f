"""The help of settings, read when it is asked for."""

import pytest
from pydantic import BaseModel, Field, create_model

from beats.config.output.documentation import descriptions
from beats.config.settings import KernelSettings, QueueSettings, SinkSettings


class BaseSettings(SinkSettings):
    rate: int = 1
    """How often,
    in Hz."""
    plain: int = 2
    given: int = Field(3, description="said otherwise")
    """Not this."""


class DerivedSettings(BaseSettings):
    rate: int = 4
    """Better said."""
    own: str = "x"
    "Of its own."


def test_the_text_under_a_field_is_its_help() -> None:
    """In one line, and what was given otherwise first."""
    found = descriptions(BaseSettings)
    assert found["rate"] == "How often, in Hz."
    assert found["given"] == "said otherwise"
    assert "plain" not in found
    assert descriptions(DerivedSettings)["rate"] == "Better said."
    assert descriptions(DerivedSettings)["own"] == "Of its own."


def test_fields_keep_the_help_that_they_inherit() -> None:
    """Until a class says it anew."""
    found = descriptions(QueueSettings)
    assert found.keys() == QueueSettings.model_fields.keys()
    assert descriptions(BaseSettings)["enabled"] == descriptions(SinkSettings)["enabled"]


@pytest.mark.parametrize("model", [KernelSettings, QueueSettings, SinkSettings])
def test_all_of_ours_have_help(model: type[BaseModel]) -> None:
    """None was forgotten."""
    assert descriptions(model).keys() == model.model_fields.keys()


def test_a_class_without_source_has_no_help() -> None:
    """It was made while the program runs."""
    made = create_model("Made", __base__=BaseSettings, more=(int, 1))
    assert "more" not in descriptions(made)
    assert descriptions(made)["rate"] == "How often, in Hz."
