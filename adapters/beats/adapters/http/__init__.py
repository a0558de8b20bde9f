"""What the server answers to plain HTTP: the page, health, metrics and counters."""
