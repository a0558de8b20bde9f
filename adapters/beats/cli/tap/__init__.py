"""`beats tap`: what is on the stream."""
