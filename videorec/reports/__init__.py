"""What every evaluation's report has: protocol, files, pictures."""
