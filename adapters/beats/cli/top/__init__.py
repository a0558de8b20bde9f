"""`beats top`: a running Beats at a glance."""
