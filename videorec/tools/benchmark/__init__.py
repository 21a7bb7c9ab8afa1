"""Speed, as ratios within one run against what one would take instead of videorec; see `__main__.py`."""
