"""CSV files that people open in a spreadsheet: no name from outside may be a formula there."""

import re

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are wide


def cell(text: str) -> str:
    """A text as a spreadsheet shows it, never as it computes it: with ' before what would begin a formula (OWASP's advice).
    Numbers stay numbers."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text
