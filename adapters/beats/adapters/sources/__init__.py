"""Sources, one module each, named as `type` names them in the settings."""
