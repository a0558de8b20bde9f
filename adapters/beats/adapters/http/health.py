"""Whether the process lives, takes viewers, and does all that it was told to."""

from http import HTTPStatus

from beats.adapters.http.reply import Reply, document
from beats.kernel.stats import Stats


def alive() -> Reply:
    """Liveness: whoever answers lives. A supervisor restarts a process that does not."""
    return document({"status": "alive"})


def ready(*, has_room: bool) -> Reply:
    """Readiness: whether one more viewer can be let in. A load balancer sends it elsewhere otherwise."""
    if has_room:
        return document({"status": "ready"})
    return document({"status": "full"}, HTTPStatus.SERVICE_UNAVAILABLE)


def health(stats: Stats) -> Reply:
    """Health: whether every sink runs. Somebody looks after those that are named."""
    wrong = {
        sink.name: {"state": sink.state, "restarts": sink.restarts, "last_error": sink.last_error}
        for sink in stats.sinks
        if sink.state != "running"
    }
    if not wrong:
        return document({"status": "ok"})
    return document({"status": "failing", "sinks": wrong}, HTTPStatus.SERVICE_UNAVAILABLE)
