"""Speed, as ratios within one run against what one would take instead of videorec (`__main__.py` shows the commands)."""
