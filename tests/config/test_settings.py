import pytest
from pydantic import BaseModel, ValidationError

from beats.config.schema import descriptions
from beats.config.settings import KernelSettings, LaneSettings, QueueSettings, SinkSettings, SourceSettings


@pytest.mark.parametrize("model", [KernelSettings, LaneSettings, QueueSettings, SinkSettings, SourceSettings])
def test_every_setting_has_help_and_unknown_keys_are_refused(model: type[BaseModel]) -> None:
    """`beats adapters` shows the string below each field; a misspelt key is an error."""
    assert descriptions(model).keys() == model.model_fields.keys()
    with pytest.raises(ValidationError, match="zzz"):
        model.model_validate({"type": "x", "zzz": 1})


@pytest.mark.parametrize("name", ["drop_oldest", " Drop_Oldest ", "DROP_OLDEST"])
def test_letter_case_and_blanks_are_ignored_in_a_strategy(name: str) -> None:
    """Operators write it in each of these ways."""
    assert QueueSettings.model_validate({"overflow": name}).overflow == "drop_oldest"


@pytest.mark.parametrize("value", [True, 1.0, "1", 0, -1])
def test_a_size_is_a_whole_number_of_at_least_one(value: object) -> None:
    """True and 1.0 are not integers."""
    with pytest.raises(ValidationError):
        QueueSettings.model_validate({"size": value})


def test_infinity_is_not_a_time() -> None:
    """TOML can write it."""
    with pytest.raises(ValidationError):
        KernelSettings.model_validate({"shutdown_timeout_s": float("inf")})
