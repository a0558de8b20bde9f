"""`tags`: more tags for peripherals."""

from collections.abc import Sequence

from beats.config.settings import TagSettings
from beats.kernel.envelope import Message, Peripheral, Tag


def tagged(message: Message, tags: Sequence[Tag]) -> Message:
    """An update with these tags behind its own; it keeps its own of the same name and variant."""
    if not isinstance(message, Peripheral):
        return message
    present = {tag[:2] for tag in message.tags}
    return message._replace(tags=(*message.tags, *(tag for tag in tags if tag[:2] not in present)))


def tag_of(settings: str | TagSettings) -> Tag:
    """The tag in the settings."""
    if isinstance(settings, str):
        return Tag(settings)
    return Tag(settings.name, settings.variant, dict(settings.metadata))
