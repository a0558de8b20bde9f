"""Settings written for people and tools."""
