"""The overflow strategies by name."""

from types import MappingProxyType
from typing import Final

from beats.kernel.overflow.base import Backlog, Overflow, Verdict
from beats.kernel.overflow.block import Block
from beats.kernel.overflow.drop_newest import DropNewest
from beats.kernel.overflow.drop_oldest import DropOldest
from beats.kernel.overflow.error import Error
from beats.kernel.overflow.latest import Latest

OVERFLOWS: Final = MappingProxyType(
    {strategy.name: strategy for strategy in (DropOldest, DropNewest, Error, Latest, Block)}
)

__all__ = ["OVERFLOWS", "Backlog", "Overflow", "Verdict"]
