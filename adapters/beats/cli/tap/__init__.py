"""`beats tap`: shows the envelopes of a stream."""
