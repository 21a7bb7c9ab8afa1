"""Text files that people write, local or remote: in UTF-8, or in what their byte order mark says; nothing is guessed."""

import codecs
import re
from pathlib import Path

from videorec.config import UserError
from videorec.data.file_kinds import kind_of_special
from videorec.storage import files

# The longer ones first: that of UTF-32 begins as that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def read_text(path: str | Path, names: bool = False) -> str:
    """The text of a file in UTF-8, or in what its byte order mark says; line ends as they are.

    Args:
        names: names of files may hold bytes that are not UTF-8, as `os.fsdecode` gives them.

    Raises:
        UserError: the file cannot be read, or is in neither, naming line and cell; it holds a NUL byte.
    """
    try:
        special = None if files.is_remote(path) else kind_of_special(path)
        if special:
            raise UserError(f"{path} cannot be read: {special}, not a file")
        content = files.read(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    mark = next((mark for mark in MARKS if content.startswith(mark)), b"")
    content, encoding = content[len(mark) :], MARKS.get(mark, "utf-8")
    if encoding == "utf-8" and b"\0" in content:
        raise UserError(_nul(path, content))
    try:
        text = content.decode(encoding, "surrogateescape" if names and encoding == "utf-8" else "strict").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise UserError(_undecodable(path, content, error)) from error
    if "\0" in text:
        raise UserError(f"{path}, line {_line_of(text, text.index(chr(0)))}: a NUL character is no text.")
    return text


def read_lines(path: str | Path, names: bool = False) -> list[tuple[str, str]]:
    """The lines that are not empty, without blanks around them, each with file and line number.

    Args:
        names: as for `read_text`.

    Raises:
        UserError: as `read_text`.
    """
    lines = re.split("\r\n|\r|\n", read_text(path, names))
    return [(line.strip(), f"{path}, line {k}") for k, line in enumerate(lines, start=1) if line.strip()]


def _nul(path: str | Path, content: bytes) -> str:
    if content.startswith(b"PK\x03\x04"):
        return f"{path} is a ZIP archive, as workbooks of Excel are (.xlsx). Save it as text: CSV in UTF-8."
    fewer, more = sorted((content[0::2].count(0), content[1::2].count(0)))
    if more > len(content) // 5 and not fewer:  # of Latin letters every second byte of UTF-16 is 0, and no other
        return f"{path} looks like UTF-16 without a byte order mark. Save it as UTF-8."
    where = f"{path}, line {_line_of(content, content.index(0))}"
    return f"{where}: a NUL byte is no text. Is the file damaged, or of another kind?"


def _undecodable(path: str | Path, content: bytes, error: UnicodeDecodeError) -> str:
    if error.encoding.replace("_", "-").lower() != "utf-8":
        return f"{path} begins as {error.encoding.upper()} and is not: {error.reason}. Save it as UTF-8."
    start, end = (re.search(rb"[^,;\t\r\n]*\Z", content[: error.start]).start(), re.compile(rb"[,;\t\r\n]|\Z"))
    cell = content[start : end.search(content, error.start).start()]
    where = f"{path}, line {_line_of(content, error.start)}: byte 0x{content[error.start]:02x} is not UTF-8"
    try:
        guess = f", which in Windows-1252 would be {cell.decode('cp1252').strip()!r}"
    except UnicodeDecodeError:
        guess = ""
    return f"{where}, in the cell {cell.decode('latin-1').strip()!a}{guess}. Save the file as UTF-8."


def _line_of(content, position: int) -> int:
    before = content[:position]
    return len(re.split(rb"\r\n|\r|\n" if isinstance(before, bytes) else "\r\n|\r|\n", before))
