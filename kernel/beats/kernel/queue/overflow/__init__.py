"""The overflow strategies by name."""

from types import MappingProxyType
from typing import Final

from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict
from beats.kernel.queue.overflow.block import Block
from beats.kernel.queue.overflow.drop_newest import DropNewest
from beats.kernel.queue.overflow.drop_oldest import DropOldest
from beats.kernel.queue.overflow.error import Error
from beats.kernel.queue.overflow.latest import Latest

OVERFLOWS: Final = MappingProxyType(
    {strategy.name: strategy for strategy in (DropOldest, DropNewest, Error, Latest, Block)}
)

__all__ = ["OVERFLOWS", "Backlog", "Overflow", "Verdict"]
