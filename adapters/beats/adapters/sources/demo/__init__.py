"""Source `demo`: a moving picture and three peripherals, the same for the same seed."""

from beats.adapters.sources.demo.source import SOURCE, DemoSettings, DemoSource

__all__ = ["SOURCE", "DemoSettings", "DemoSource"]
