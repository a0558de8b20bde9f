"""The settings of the sink `http`."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from beats.adapters.http.settings import ServerSettings

ADJUSTABLE: Final = frozenset(
    {
        "max_clients",
        "max_clients_per_address",
        "max_variants",
        "origins",
        "stall_timeout_s",
        "token",
        "token_file",
        "transcode_workers",
    }
)
"""What can change while the server runs."""


class HttpSettings(ServerSettings):
    """A server for health checks, Prometheus, `beats top`, and players of pictures."""

    purpose: ClassVar[str] = "watch"

    port: Annotated[int, Field(ge=0, le=65535)] = 8766
    """Port to listen on; 0 takes a free one and reports it."""
    max_clients: Annotated[int, Field(ge=1)] = 100
    """Most players at once; the next gets HTTP 503."""
    max_clients_per_address: Annotated[int, Field(ge=1)] = 100
    """Most players at once from one address; the next gets HTTP 429."""
