"""What the relay's sinks and sources share: how a stream travels from one machine's bus to another's."""
