from beats.kernel.errors import QueueFull


def test_queue_full_names_sink_size_topic_and_sequence() -> None:
    """A producer can see, and show, which queue refused which envelope."""
    error = QueueFull("browser", "peripheral/knob", 7, 256, "it is full")
    assert (error.sink, error.topic, error.sequence, error.size) == ("browser", "peripheral/knob", 7, 256)
    for text in ("'browser'", "'peripheral/knob'", "7", "256", "it is full"):
        assert text in str(error)
