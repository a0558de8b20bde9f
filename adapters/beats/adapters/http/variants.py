"""What encodes frames for the viewers of a server."""

from beats.adapters.http.settings import ServerSettings
from beats.kernel.ports import Context
from beats.pictures.publishing import PixelPublisher
from beats.pictures.variants import Variants


def variants_of(settings: ServerSettings, context: Context) -> Variants:
    """With the threads that the settings ask for; pixels that this program has published are not decoded."""
    publisher: PixelPublisher | None = context.services.get(PixelPublisher)
    return Variants(
        f"{context.name}-encoder",
        workers=settings.encoder_threads,
        max_variants=settings.max_variants,
        published=None if publisher is None else publisher.recent,
    )
