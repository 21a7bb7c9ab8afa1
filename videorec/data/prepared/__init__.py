"""Pictures that were decoded once and stored: how they are made, and read."""
