"""The transforms of one source, in their order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from beats.config.settings import PixelSettings, TransformSettings, seconds_of
from beats.kernel.envelope import Frame, Location, Message, Sealed, Tag
from beats.pictures.formats import FORMATS, MEDIA_TYPES
from beats.pictures.pixels import Pixels
from beats.pictures.publishing import Shape
from beats.transforms.crop import cropped
from beats.transforms.every import Every
from beats.transforms.location import located
from beats.transforms.on_change import OnChange
from beats.transforms.rename import renamed
from beats.transforms.rotate import rotated
from beats.transforms.scale import scaled
from beats.transforms.tags import tag_of, tagged

if TYPE_CHECKING:
    from collections.abc import Callable


class ShapedFrame(Frame):
    """A frame whose pixels were shaped before they were encoded."""

    __slots__ = ()


class ReadyFrame(ShapedFrame):
    """A shaped frame that has its id, and whose time has come."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Held:
    """The messages that `every` holds."""

    captured_unix_ns: int | None
    message: Message
    sealed: Sealed | None = None
    """What the message was before, if it is unchanged."""
    submit: "Callable[[], None] | None" = None
    """Hands over pixels, of which the message tells only the id."""


class Chain:
    """What the settings ask for; the steps that hold or leave out keep their state here."""

    def __init__(self, settings: TransformSettings) -> None:
        self._template: Final = settings.rename
        self._tags: Final[tuple[Tag, ...]] = tuple(map(tag_of, settings.tags))
        place = settings.location
        self._location: Final = None if place is None else Location(place.x, place.y, place.z)
        self.every: Final = None if settings.every is None else Every[Held](seconds_of(settings.every))
        self.on_change: Final = OnChange() if settings.on_change else None
        self._settings: Final = settings
        is_shaped = bool(settings.crop or settings.rotate or settings.scale)
        self.shape: Final[Shape | None] = self._shaped if is_shaped else None
        """What the pixels of pictures become; None if they stay as they are."""

    @property
    def leaves_out(self) -> bool:
        """Whether not all is published."""
        return self.every is not None or self.on_change is not None

    def relabelled(self, message: Message) -> Message:
        """With its new id, tags and place; the same object if nothing changes."""
        if self._template is not None:
            message = renamed(message, self._template)
        if self._tags:
            message = tagged(message, self._tags)
        if self._location is not None:
            message = located(message, self._location)
        return message

    def reshaped(self, frame: Frame, settings: PixelSettings) -> Frame:
        """An encoded picture in its new shape and its old format; takes milliseconds.

        Raises:
            PictureError: it cannot be decoded, or not be cropped so.
        """
        # Imported when the first picture is decoded: most sources need no Pillow.
        from beats.pictures.encoders import decode, encode

        pixels = self._shaped(decode(frame.data, frame.media_type, max_pixels=settings.max_pixels))
        name = frame.media_type.removeprefix("image/")
        kind = name if name in FORMATS else settings.format
        data = encode(pixels, kind, settings.quality)
        return Frame(data, frame.id, MEDIA_TYPES[kind], *pixels.size)

    def _shaped(self, pixels: Pixels) -> Pixels:
        settings, image = self._settings, pixels.image()
        if settings.crop is not None:
            image = cropped(image, *settings.crop)
        image = rotated(image, settings.rotate)
        if settings.scale is not None:
            image = scaled(image, *settings.scale)
        return Pixels.of_image(image)
