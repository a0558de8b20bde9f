"""Pictures as programs have them: what bytes are, pixels from arrays, encoders and their threads."""
