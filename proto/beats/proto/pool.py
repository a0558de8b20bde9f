"""Message classes in a descriptor pool of our own.

Protobuf's default pool refuses a second file that defines the same names, so a program with its own generated
code for these messages could not import ours. With a separate pool both work, in either order.

Code that protoc generates works only with its own major version of the runtime and the next. This module
works with every version that pyproject.toml allows.
"""

from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

POOL: Final = DescriptorPool()
"""The messages of Beats, and no others."""


def contents(module: str, file: bytes) -> dict[str, object]:
    """The contents of a generated module: `DESCRIPTOR`, message classes, enums and their values, by name.

    Args:
        module: the name of the module.
        file: a serialized `FileDescriptorProto`.
    """
    descriptor = POOL.AddSerializedFile(file)
    names: dict[str, object] = {"DESCRIPTOR": descriptor}
    for name, enum in descriptor.enum_types_by_name.items():
        names[name] = EnumTypeWrapper(enum)
        names.update((value.name, value.number) for value in enum.values)
    for name, message in descriptor.message_types_by_name.items():
        names[name] = _message_class(message, module, name)
    return names


def _message_class(descriptor: Descriptor, module: str, qualified_name: str) -> type[Message]:
    """The class of a message; `pickle` needs its module and its qualified name."""
    cls = GetMessageClass(descriptor)
    cls.__module__ = module
    cls.__qualname__ = qualified_name
    for name, nested in descriptor.nested_types_by_name.items():
        setattr(cls, name, _message_class(nested, module, f"{qualified_name}.{name}"))
    return cls
