"""`rename`: another id."""

from beats.kernel.envelope import Message


def renamed(message: Message, template: str) -> Message:
    """The message with the id that a template makes of its own, without blanks and slashes at its ends."""
    return message._replace(id=template.replace("{id}", message.id).strip(" /"))
