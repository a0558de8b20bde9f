"""The counters as Prometheus reads them."""
