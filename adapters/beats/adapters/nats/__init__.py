"""Shared by the sinks and sources that relay a stream from one machine's bus to another's."""
