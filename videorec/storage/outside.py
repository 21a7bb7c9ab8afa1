"""Files from outside: whatever reading one raises becomes one sentence, with the file, what is wrong, and what would do.

What lies on a disk may be cut, altered, of another program or made to do harm, and the libraries that read it raise errors of
every kind. So each place that reads such a file does it inside `reading`, and hands on no error but UserError.
"""

import contextlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType

from videorec.config import UserError

OF_KERAS = "Exception encountered: "  # the cause, after the whole configuration
LONGEST = 200  # characters of what a library says
OF_HDF5 = re.compile(r"(?:Unable to|Can't) .*?\((.+)\)")  # "Unable to synchronously open file (truncated file: eof = 96, ...)"
IN_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (MemoryError, "it needs more memory than there is"),
    (RecursionError, "it is nested too deeply"),
    (UnicodeDecodeError, "it is no text in UTF-8"),
    (EOFError, "it ends too early"),
    (zipfile.BadZipFile, "it is cut short or damaged"),
    (json.JSONDecodeError, "it is no JSON"),
    ((zlib.error, struct.error), "its bytes do not fit its format"),
    ((TypeError, AttributeError, IndexError, OverflowError, AssertionError), "its contents are not those expected"),
)
IN_JSON = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
IN_JSON |= {list: "a list", dict: "an object"}


@contextlib.contextmanager
def reading(file: str | Path, remedy: str = "", kind: str = "") -> Iterator[None]:
    """Read a file from outside in the block.

    Args:
        file: what is read, as the user knows it.
        remedy: what would do, a sentence without its full stop.
        kind: what it is read as, e.g. HDF5, where its name may not tell.

    Raises:
        UserError: whatever the block raised, as one sentence with both; a UserError as it is where it names the file.
    """
    try:
        yield
    except UserError as error:
        if str(file) in str(error):
            raise
        raise UserError(_joined(f"{file} cannot be read: {error}", remedy)) from error
    except Exception as error:
        part = isinstance(error, FileNotFoundError) and os.path.exists(file)
        wrong = f"is not whole: {in_short(error)}" if part else wrong_with(error, kind)
        raise UserError(_joined(f"{file} {wrong}", remedy)) from error


def checked(tree: dict, kinds: dict[str, type | tuple[type, ...]]) -> dict:
    """A JSON object, whose members must be there and of their types (float: any number); to be used in `reading`.

    Raises:
        ValueError: what is no object, or a member of another type.
        KeyError: a member is missing.
    """
    if not isinstance(tree, dict):
        raise ValueError(f"a JSON object {{...}} is expected. Received: {str(tree)[:40]!r}")
    for name, kind in kinds.items():
        value, allowed = tree[name], kind if isinstance(kind, tuple) else (kind,)
        is_kind = type(value) in allowed or (type(value) is int and float in allowed)
        if not is_kind:
            names = " or ".join(IN_JSON[each] for each in allowed)
            raise ValueError(f"{name} must be {names}. Received: {str(value)[:40]!r}")
    return tree


def wrong_with(error: Exception, kind: str = "") -> str:
    """What is wrong with a file whose reading raised an error: `is missing`, `cannot be read: it ends too early`."""
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, IsADirectoryError):
        return "must be a file. Received: a folder"
    if isinstance(error, NotADirectoryError):
        return "must lie in a folder. Received: a file in its place"
    strerror = getattr(error, "strerror", None)  # without the path
    return f"cannot be read{f' as {kind}' if kind else ''}: {strerror or in_short(error)}"


def in_short(error: Exception) -> str:
    """What an error says, in one line of at most some 200 characters."""
    if isinstance(error, KeyError) and len(error.args) == 1:  # its text is in quotes
        key = str(error.args[0])
        return in_short(ValueError(key)) if " " in key else f"it has no {key!r}"
    text = str(error).rsplit(OF_KERAS, 1)[-1].split(" If you trust ")[0]
    said = next((line.strip() for line in text.splitlines() if line.strip()), "")
    inner = OF_HDF5.match(said)
    said = _printable(inner.group(1) if inner else said)
    if said == "file signature not found":
        return "it is no HDF5 file"
    words = "" if OF_KERAS in str(error) else next((words for kinds, words in IN_WORDS if isinstance(error, kinds)), "")
    if isinstance(error, MemoryError | RecursionError):
        return words
    return f"{words} ({said})" if words and said else words or said or type(error).__name__


def _printable(text: str) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in text).rstrip(".: ")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4].rsplit(' ', 1)[0]} ..."


def _joined(text: str, remedy: str) -> str:
    return f"{text.rstrip('.')}. {remedy}" if remedy else text
