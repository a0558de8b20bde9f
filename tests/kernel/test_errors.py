import pytest

from beats.kernel.errors import ClosedError, InputError, MissingPackageError, QueueFull, StartError


def test_queue_full_names_sink_size_topic_and_sequence() -> None:
    """A producer can see, and show, which queue refused which envelope."""
    error = QueueFull("browser", "peripheral/knob", 7, 256, "it is full")
    assert (error.sink, error.topic, error.sequence, error.size) == ("browser", "peripheral/knob", 7, 256)
    for text in ("'browser'", "'peripheral/knob'", "7", "256", "it is full"):
        assert text in str(error)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (ClosedError, RuntimeError),
        (StartError, RuntimeError),
        (MissingPackageError, ImportError),
        (InputError, Exception),
        (QueueFull, Exception),
    ],
)
def test_an_error_of_our_own_is_a_builtin_one_too(error: type[Exception], builtin: type[Exception]) -> None:
    """Callers can catch ours as the fitting builtin exception."""
    assert issubclass(error, builtin)
