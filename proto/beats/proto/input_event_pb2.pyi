from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class InputEvent(_message.Message):
    __slots__ = ("event_type", "timestamp", "data_json")
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DATA_JSON_FIELD_NUMBER: _ClassVar[int]
    event_type: str
    timestamp: str
    data_json: bytes
    def __init__(self, event_type: _Optional[str] = ..., timestamp: _Optional[str] = ..., data_json: _Optional[bytes] = ...) -> None: ...
