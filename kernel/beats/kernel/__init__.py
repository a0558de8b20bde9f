"""The microkernel: envelopes, bus, bounded queues, ports, supervision.

Standard library, anyio and blinker, nothing else.
"""
