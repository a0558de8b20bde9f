from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from beats.kernel.envelope import OpaquePayload
from beats.proto.input_event_pb2 import InputEvent
from beats.proto.registry import DEFAULT_REGISTRY, OpenRegistry, TypeRegistry
from beats.proto.wire import DecodeError

INPUT_EVENT = "heart.peripheral.input.InputEvent"


def new_class(name: str) -> type[Message]:
    """A message class of its own, even when the name is not."""
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax="proto3")
    file.message_type.add(name=name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}"))


@pytest.mark.parametrize("registry", [DEFAULT_REGISTRY, TypeRegistry()])
def test_input_events_are_known_from_the_start(registry: TypeRegistry) -> None:
    """Every registry reads input events without being told."""
    event = InputEvent(event_type="press", timestamp="2024-05-01T00:00:00+00:00", data_json=b"{}")
    assert INPUT_EVENT in registry.names
    assert registry.decode(INPUT_EVENT, event.SerializeToString()) == event


def test_a_registered_type_is_read() -> None:
    """A class that was registered decodes the payloads that carry its full name."""
    registry = TypeRegistry()
    registry.register(Duration)
    assert registry.decode("google.protobuf.Duration", Duration(seconds=3).SerializeToString()) == Duration(
        seconds=3
    )


def test_registries_are_apart() -> None:
    """What one registry learns, another does not know."""
    registry = TypeRegistry()
    registry.register(Duration)
    assert "google.protobuf.Duration" not in TypeRegistry().names


def test_registering_a_class_again_changes_nothing() -> None:
    """Two parts of a program may both register the type that they need."""
    registry = TypeRegistry()
    registry.register(InputEvent)
    assert registry.names == (INPUT_EVENT,)


def test_a_name_means_one_class() -> None:
    """A second class of the same name would change what payloads mean, so it is refused."""
    registry = TypeRegistry()
    registry.register(new_class("Knob"))
    with pytest.raises(ValueError, match=r"another class is registered as 'test\.Knob'"):
        registry.register(new_class("Knob"))


@pytest.mark.parametrize("cls", [int, Message])
def test_only_message_classes_are_registered(cls: type[Message]) -> None:
    """A class that protobuf did not generate has no full name to be found by."""
    with pytest.raises(TypeError, match="is not a generated protobuf message class"):
        TypeRegistry().register(cls)


def test_an_unknown_type_is_the_decode_error() -> None:
    """A payload of a type nobody registered is refused, and the message says which are known."""
    with pytest.raises(DecodeError, match=rf"'some\.Type' is unknown; known are {INPUT_EVENT}"):
        TypeRegistry().decode("some.Type", b"")


def test_an_unknown_name_is_told_in_bounded_length() -> None:
    """A sender cannot fill the log with a name of a megabyte."""
    with pytest.raises(DecodeError) as caught:
        TypeRegistry().decode("x" * 1_000_000, b"")
    assert len(str(caught.value)) < 300


def test_a_payload_of_another_shape_is_the_decode_error() -> None:
    """Bytes that are not a message of the named type are refused."""
    with pytest.raises(DecodeError, match=f"the payload is not a {INPUT_EVENT}"):
        TypeRegistry().decode(INPUT_EVENT, b"\x0a\xff")


def test_one_of_several_threads_gets_a_name() -> None:
    """When threads register different classes under one name at once, one is in and the others are told."""
    registry = TypeRegistry()
    threads = 8
    together = Barrier(threads)

    def register(cls: type[Message]) -> bool:
        together.wait(timeout=30)
        try:
            registry.register(cls)
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(register, [new_class("Knob") for _ in range(threads)]))
    assert results.count(True) == 1


@pytest.mark.parametrize("payload", [b"", b"\x0a\xff", b"any bytes"])
def test_an_open_registry_keeps_what_it_cannot_read(payload: bytes) -> None:
    """A payload of an unknown type stays as it came, with its type's name."""
    assert OpenRegistry().decode("some.Type", payload) == OpaquePayload("some.Type", payload)


def test_an_open_registry_reads_what_it_knows() -> None:
    """Input events from the start, and whatever is registered, also after it was unknown."""
    registry, timer = OpenRegistry(), Duration(seconds=3)
    event = InputEvent(event_type="press", timestamp="2024-05-01T00:00:00+00:00", data_json=b"{}")
    assert registry.decode(INPUT_EVENT, event.SerializeToString()) == event
    name, payload = "google.protobuf.Duration", timer.SerializeToString()
    assert registry.decode(name, payload) == OpaquePayload(name, payload)
    registry.register(Duration)
    assert registry.decode(name, payload) == timer


def test_an_open_registry_refuses_garbage_of_a_known_type() -> None:
    """What can be read has to be what it says."""
    with pytest.raises(DecodeError, match=f"the payload is not a {INPUT_EVENT}"):
        OpenRegistry().decode(INPUT_EVENT, b"\x0a\xff")


def test_an_open_registry_refuses_a_payload_without_a_type() -> None:
    """Nobody could ever read it."""
    with pytest.raises(DecodeError, match="payload_type '' is unknown"):
        OpenRegistry().decode("", b"any bytes")
