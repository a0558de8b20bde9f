"""What a source publishes, changed on its way to the bus: one module for each setting of `transforms`."""
