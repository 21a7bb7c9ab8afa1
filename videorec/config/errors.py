"""What the user can mend, and a guess at what was meant."""

import difflib
import errno
import os
import typing

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(Exception):
    """What the user can mend: scripts print the message without a traceback and exit with status 2."""


def nearest(word: str, choices: typing.Iterable[str]) -> str:
    """'Did you mean ...?' with the nearest of `choices`, and the list of all."""
    choices = sorted(choices)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}Known: {', '.join(choices)}."


def full_disk(error: BaseException | None) -> str | None:
    """What says that there is no room, where that is why something failed; libraries raise errors of their own after it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return f"{error.filename} cannot be written: {error.strerror}" if error.filename else f"{error.strerror}"
        if text := next((text for text in map(os.strerror, FULL) if text in str(error)), None):
            return text
        error = error.__cause__ or error.__context__
    return None
