"""Shared by the sinks and sources that connect to an MQTT broker."""
