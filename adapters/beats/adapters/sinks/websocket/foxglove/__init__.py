"""Foxglove's protocol, for viewers that ask for it; imported when the first of them connects."""
