"""The counters in the formats of Prometheus."""
