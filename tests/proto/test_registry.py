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
    """A new message class, even if the name is not new."""
    file = descriptor_pb2.FileDescriptorProto(name="test.proto", package="test", syntax="proto3")
    file.message_type.add(name=name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}"))


@pytest.mark.parametrize("registry", [DEFAULT_REGISTRY, TypeRegistry(), OpenRegistry()])
def test_input_events_are_known_from_the_start(registry: TypeRegistry) -> None:
    """Every registry reads input events."""
    event = InputEvent(event_type="press", timestamp="2024-05-01T00:00:00+00:00", data_json=b"{}")
    assert INPUT_EVENT in registry.names
    assert registry.decode(INPUT_EVENT, event.SerializeToString()) == event


def test_registering_a_class_again_changes_nothing() -> None:
    """Two modules of a program may both register the type that they need."""
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


def test_an_unknown_name_is_shortened_in_the_error() -> None:
    """A sender cannot fill the log with a name of a megabyte."""
    with pytest.raises(DecodeError) as caught:
        TypeRegistry().decode("x" * 1_000_000, b"")
    assert len(str(caught.value)) < 300


def test_one_of_several_threads_registers_a_name() -> None:
    """When threads register different classes under one name at once, one succeeds and the others fail."""
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


def test_an_open_registry_reads_what_it_knows() -> None:
    """A type that is registered, also after it was unknown."""
    registry, timer = OpenRegistry(), Duration(seconds=3)
    name, payload = "google.protobuf.Duration", timer.SerializeToString()
    assert registry.decode(name, payload) == OpaquePayload(name, payload)
    registry.register(Duration)
    assert registry.decode(name, payload) == timer
