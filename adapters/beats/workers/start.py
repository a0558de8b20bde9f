"""Starts the worker pool: the broker, the port, the workers."""

import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Final, NamedTuple

from beats.config.settings import ProfileSettings
from beats.kernel.errors import StartError
from beats.kernel.run.supervisor import Backoff
from beats.runtime.live import LiveProfile
from beats.workers.broker import broker
from beats.workers.pool import WorkerPool
from beats.workers.ports import reserved
from beats.workers.split import Relay, Share, parent_profile, served, stream_name

_COMMAND: Final = (sys.executable, "-m", "beats.cli.worker")


class Workers(NamedTuple):
    """That viewers are served by processes of their own."""

    processes: int
    server: str | None
    """The broker's URL; None to start one."""
    settings: Mapping[str, object]
    """What tells a worker where to read its settings."""
    show: Callable[[int, str], object]
    """Shows a line that the worker of a number has logged."""


class Begun(NamedTuple):
    """A worker pool that is on air."""

    profile: LiveProfile
    """The parent's part, ready to run."""
    worker_pool: WorkerPool
    part: Callable[[ProfileSettings], ProfileSettings]
    """What the parent's part of a profile is."""


@asynccontextmanager
async def worker_pool(settings: ProfileSettings, workers: Workers) -> AsyncGenerator[Begun]:
    """Workers that listen already, and the parent's part of a profile beside them.

    Raises:
        StartError: something is missing, or one of them cannot start; says what to do.
    """
    sinks = served(settings)
    if not sinks:
        raise StartError(
            f"--workers shares viewers among processes, and profile {settings.profile!r} has no websocket "
            "sink that is enabled: choose another profile, or leave --workers out"
        )
    if find_spec("nats") is None:
        raise StartError("--workers needs the package nats-py: pip install 'beats[nats]'")
    with reserved(sinks) as ports:
        async with broker() if workers.server is None else nullcontext(workers.server) as server:
            relay = Relay(server, stream_name(settings, ports))
            part = partial(parent_profile, relay=relay)
            profile = LiveProfile(part(settings))
            kernel_settings = settings.kernel
            members = WorkerPool(
                _COMMAND,
                Share(relay, ports, workers.processes, workers.settings),
                tuple(sinks),
                profile.kernel,
                Backoff(kernel_settings.restart_initial_s, kernel_settings.restart_max_s),
                workers.show,
            )
            async with members.running():
                yield Begun(profile, members, part)
