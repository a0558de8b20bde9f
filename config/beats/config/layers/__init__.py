"""Layers of settings: read from files, environment and arguments, and merged."""
