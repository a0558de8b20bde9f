"""The counters as Prometheus reads them."""

from beats.adapters.sinks.websocket.web.reply import Reply
from beats.kernel.ports import Context


def metrics(context: Context) -> Reply:
    """All counters in the text format."""
    raise NotImplementedError
