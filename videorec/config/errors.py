"""What the user can mend, and a guess at what was meant."""

import difflib
import typing


class UserError(Exception):
    """What the user can mend: scripts print the message without a traceback and exit with status 2."""


def nearest(word: str, choices: typing.Iterable[str]) -> str:
    """'Did you mean ...?' with the nearest of `choices`, and the list of all."""
    choices = sorted(choices)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(choices)}."
