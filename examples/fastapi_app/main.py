"""A FastAPI app that runs Beats for as long as its own server lives.

uvicorn main:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, Request

from beats.app import Stream


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Beats starts and ends with the app, in the same event loop."""
    async with Stream.open() as stream:
        app.state.stream = stream
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
def where(request: Request) -> dict[str, str]:
    """The address of the page with the live stream."""
    return {"page": request.app.state.stream.sinks["browser"].address.page_url}


@app.post("/sensors/{name}")
async def publish(request: Request, name: str, data: Annotated[dict[str, float], Body()]) -> dict[str, int]:
    """Publish what a device has posted; every viewer has it at once."""
    return {"sequence": await request.app.state.stream.publish_peripheral(name, data)}
