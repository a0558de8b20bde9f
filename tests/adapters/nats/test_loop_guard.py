"""Recognises what was put on a bus here and comes back."""

from beats.adapters.nats.loop_guard import LoopGuard


def test_the_very_same_bytes_are_known() -> None:
    """In their topic, and for a while."""
    echoes = LoopGuard()
    echoes.remember("frame", b"a")
    assert echoes.is_one("frame", b"a")
    assert not echoes.is_one("frame", b"b")
    assert not echoes.is_one("peripheral/knob", b"a")
    for number in range(64):
        echoes.remember("frame", b"%d" % number)
    assert not echoes.is_one("frame", b"a")
    assert echoes.is_one("frame", b"0")


def test_a_topic_that_the_bus_refuses_is_forgotten() -> None:
    """Or stray ids would fill memory."""
    echoes = LoopGuard()
    echoes.forget("frame")
    echoes.remember("frame", b"a")
    echoes.forget("frame")
    assert not echoes.is_one("frame", b"a")
