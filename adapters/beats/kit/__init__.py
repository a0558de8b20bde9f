"""Small helpers that commands, runtime and adapters share."""
