"""Which message types a PROTOBUF payload may hold."""

from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from beats.kernel.envelope import OpaquePayload
from beats.proto.input_event_pb2 import InputEvent
from beats.proto.normalise import short
from beats.proto.wire import DecodeError


class TypeRegistry:
    """Message classes by their full names; `InputEvent` is always registered.

    Any thread may register and decode at any time: each is a single operation on one dictionary.
    """

    def __init__(self) -> None:
        self._classes: dict[str, type[Message]] = {}
        self.register(InputEvent)

    def register(self, cls: type[Message]) -> None:
        """Accept payloads of this class. Registering it again changes nothing.

        Raises:
            TypeError: it is not a generated message class.
            ValueError: another class has that name.
        """
        # Message itself is an abstract class, which has the attribute but no descriptor in it.
        full_name: object = getattr(getattr(cls, "DESCRIPTOR", None), "full_name", None)
        if not isinstance(full_name, str):
            raise TypeError(f"{cls!r} is not a generated protobuf message class")
        if self._classes.setdefault(full_name, cls) is not cls:
            raise ValueError(f"another class is registered as {full_name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The registered full names, sorted."""
        return tuple(sorted(self._classes.copy()))

    def decode(self, full_name: str, payload: bytes) -> object:
        """Read a message of the type with this name.

        Raises:
            DecodeError: the type is unknown, or the payload is not a message of it.
        """
        cls = self._classes.get(full_name)
        if cls is None:
            known = ", ".join(self.names)
            raise DecodeError(f"payload_type {short(full_name)} is unknown; known are {known}")
        try:
            return cls.FromString(payload)
        # The runtime's pure Python form lets errors of text through as they are.
        except (ProtobufDecodeError, ValueError) as error:
            raise DecodeError(f"the payload is not a {full_name}: {error}") from error


class OpenRegistry(TypeRegistry):
    """Keeps payloads of unknown types as they are, for passing messages on."""

    def decode(self, full_name: str, payload: bytes) -> object:
        """Read a message, or keep it as it is when its type is unknown.

        Raises:
            DecodeError: the payload is not a message of its type, or has no type.
        """
        if full_name and full_name not in self._classes:
            return OpaquePayload(full_name, payload)
        return super().decode(full_name, payload)


DEFAULT_REGISTRY: Final = TypeRegistry()
"""The registry that a codec uses by default."""
