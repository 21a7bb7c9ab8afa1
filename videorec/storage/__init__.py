"""Local and remote files through one door."""
