"""One running profile: built from settings, changed while it runs, and steered from outside."""
