import pytest
from pydantic import BaseModel, ValidationError

from beats.config.output.documentation import descriptions
from beats.config.settings import (
    KernelSettings,
    LaneSettings,
    ProfileSettings,
    QueueSettings,
    SinkSettings,
    SourceSettings,
)

MODELS = [KernelSettings, LaneSettings, QueueSettings, SinkSettings, SourceSettings]


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_explained(model: type[BaseModel]) -> None:
    """`beats adapters` shows the text under each field."""
    assert descriptions(model).keys() == model.model_fields.keys()


@pytest.mark.parametrize("model", MODELS)
def test_unknown_keys_are_refused(model: type[BaseModel]) -> None:
    """A misspelt key must not pass in silence."""
    with pytest.raises(ValidationError, match="zzz"):
        model.model_validate({"type": "x", "zzz": 1})


@pytest.mark.parametrize("name", ["drop_oldest", " Drop_Oldest ", "DROP_OLDEST"])
def test_letter_case_and_blanks_do_not_matter_in_a_strategy(name: str) -> None:
    """Operators have written it in each of these ways."""
    assert QueueSettings.model_validate({"overflow": name}).overflow == "drop_oldest"


@pytest.mark.parametrize("value", [True, 1.0, "1", 0, -1])
def test_a_size_is_a_whole_number_of_at_least_one(value: object) -> None:
    """True and 1.0 are no integers."""
    with pytest.raises(ValidationError):
        QueueSettings.model_validate({"size": value})


def test_infinity_is_no_time() -> None:
    """TOML can write it, but nothing can wait so long."""
    with pytest.raises(ValidationError):
        KernelSettings.model_validate({"shutdown_timeout_s": float("inf")})


def test_settings_are_frozen() -> None:
    """What was checked stays what it was."""
    found = ProfileSettings("x", KernelSettings(), {}, {})
    with pytest.raises(AttributeError):
        found.profile = "y"  # type: ignore[misc]  # that is what is tested
