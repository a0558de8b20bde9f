"""`location`: where peripherals are."""

from beats.kernel.envelope import Location, Message, Peripheral


def located(message: Message, location: Location) -> Message:
    """An update with this location in place of its own."""
    return message._replace(location=location) if isinstance(message, Peripheral) else message
