"""The next frames."""
