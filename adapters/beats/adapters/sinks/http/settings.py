"""The settings of the sink `http`."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from beats.adapters.http.settings import ServerSettings

ADJUSTABLE: Final = frozenset({"origins", "token", "token_file"})
"""What can change while the server runs."""


class HttpSettings(ServerSettings):
    """A server for health checks, Prometheus and `beats top`."""

    purpose: ClassVar[str] = "read the counters"

    port: Annotated[int, Field(ge=0, le=65535)] = 8766
    """Port to listen on; 0 takes a free one and reports it."""
