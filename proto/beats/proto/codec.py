"""The codec that the kernel is given: the wire format of the stream."""

from typing import Final

from beats.proto import wire
from beats.proto.decode import decode
from beats.proto.encode import Prepared, prepare
from beats.proto.messages import Decoded, FrameLike, PeripheralLike
from beats.proto.registry import DEFAULT_REGISTRY, TypeRegistry


class StreamCodec:
    """Encodes and decodes `StreamEnvelope`s. Any thread may use it at any time."""

    def __init__(self, registry: TypeRegistry = DEFAULT_REGISTRY) -> None:
        self.registry: Final = registry
        """The types that a PROTOBUF payload may have when it is decoded."""

    def prepare(self, message: FrameLike | PeripheralLike) -> Prepared:
        """Check and serialize all of a message but its place and time.

        Raises:
            TypeError, ValueError: the message holds something that cannot be encoded; says what.
        """
        return prepare(message)

    def seal(self, prepared: Prepared, sequence: int, captured_unix_ns: int) -> bytes:
        """The serialized `StreamEnvelope`. This is the only copy that is made of a picture.

        Raises:
            ValueError: the sequence is not from 1 to 2**64 - 1, or the time does not fit in 64 bits.
        """
        return b"".join((*prepared, wire.tail(sequence, captured_unix_ns)))

    def renumber(self, encoded: bytes, before: int, sequence: int, captured_unix_ns: int) -> bytes:
        """A serialized `StreamEnvelope` with another sequence.

        The place and time that `seal` wrote are taken away from the end. Where something else stands there,
        be it a payload that ends in the same bytes, the new ones follow it: of a field that is there twice,
        readers take the last.

        Raises:
            ValueError: as `seal`.
        """
        new = wire.tail(sequence, captured_unix_ns)
        old = wire.tail(before, captured_unix_ns) if before else b""
        rest = encoded.removesuffix(old)
        try:
            wire.parts(rest)  # whole fields, unless what was taken away is the end of one
        except ValueError:
            return encoded + new
        return rest + new

    def decode(self, data: bytes) -> Decoded:
        """Read one serialized `StreamEnvelope`.

        Its message can be encoded again: what `prepare` would refuse is refused here too.

        Raises:
            DecodeError: the bytes are something else, or hold something that cannot be read; says what.
        """
        return decode(data, self.registry)
