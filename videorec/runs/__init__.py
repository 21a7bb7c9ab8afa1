"""The folders of runs: their files, and their copies on other machines."""
