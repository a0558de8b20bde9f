from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PeripheralPayloadEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PERIPHERAL_PAYLOAD_ENCODING_UNSPECIFIED: _ClassVar[PeripheralPayloadEncoding]
    JSON_UTF8: _ClassVar[PeripheralPayloadEncoding]
    PROTOBUF: _ClassVar[PeripheralPayloadEncoding]
PERIPHERAL_PAYLOAD_ENCODING_UNSPECIFIED: PeripheralPayloadEncoding
JSON_UTF8: PeripheralPayloadEncoding
PROTOBUF: PeripheralPayloadEncoding

class StreamEnvelope(_message.Message):
    __slots__ = ("frame", "peripheral", "sequence", "captured_unix_ns")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    PERIPHERAL_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    frame: Frame
    peripheral: PeripheralEnvelope
    sequence: int
    captured_unix_ns: int
    def __init__(self, frame: _Optional[_Union[Frame, _Mapping]] = ..., peripheral: _Optional[_Union[PeripheralEnvelope, _Mapping]] = ..., sequence: _Optional[int] = ..., captured_unix_ns: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("png_data", "id", "media_type", "data", "width", "height")
    PNG_DATA_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MEDIA_TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    png_data: bytes
    id: str
    media_type: str
    data: bytes
    width: int
    height: int
    def __init__(self, png_data: _Optional[bytes] = ..., id: _Optional[str] = ..., media_type: _Optional[str] = ..., data: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class PeripheralEnvelope(_message.Message):
    __slots__ = ("peripheral_info", "payload", "payload_encoding", "payload_type")
    PERIPHERAL_INFO_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_ENCODING_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_TYPE_FIELD_NUMBER: _ClassVar[int]
    peripheral_info: PeripheralInfo
    payload: bytes
    payload_encoding: PeripheralPayloadEncoding
    payload_type: str
    def __init__(self, peripheral_info: _Optional[_Union[PeripheralInfo, _Mapping]] = ..., payload: _Optional[bytes] = ..., payload_encoding: _Optional[_Union[PeripheralPayloadEncoding, str]] = ..., payload_type: _Optional[str] = ...) -> None: ...

class PeripheralInfo(_message.Message):
    __slots__ = ("id", "tags", "location")
    ID_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    id: str
    tags: _containers.RepeatedCompositeFieldContainer[PeripheralTag]
    location: PeripheralLocation
    def __init__(self, id: _Optional[str] = ..., tags: _Optional[_Iterable[_Union[PeripheralTag, _Mapping]]] = ..., location: _Optional[_Union[PeripheralLocation, _Mapping]] = ...) -> None: ...

class PeripheralTag(_message.Message):
    __slots__ = ("name", "variant", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VARIANT_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    variant: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., variant: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class PeripheralLocation(_message.Message):
    __slots__ = ("x", "y", "z", "time")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    time: str
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ..., time: _Optional[str] = ...) -> None: ...
