"""The HTTP server: admission, the page, health, metrics and counters; the sinks websocket and http run it."""
