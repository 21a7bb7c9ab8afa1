"""Paths as another system writes them: `left\\1.mp4` of Windows, in tables that are read elsewhere."""

import logging
import os
import re
from pathlib import Path

from videorec.config import UserError
from videorec.storage import files

log = logging.getLogger(__name__)


class Spelling:
    """The paths of one table, with backslashes read as Windows means them; how many were is said once.

    Args:
        source: the table or list.
    """

    def __init__(self, source: str | Path):
        self.source, self._changed = source, []

    def here(self, base: str | Path, path: str, where: str) -> str:
        """The path as this system spells it: with `/` for each backslash, unless a file has the very name.

        Args:
            base: the folder that relative paths start from.
            where: file and line, for the message.

        Raises:
            UserError: an absolute path of Windows, on another system.
        """
        if "\\" not in path or os.sep == "\\" or files.is_remote(files.join(base, path)):
            return path
        if os.path.lexists(files.join(base, path)):
            return path
        if re.match(r"[A-Za-z]:\\|\\\\", path):
            raise UserError(f"{where}: an absolute path of Windows does not exist here. Give it relative to the table: {path}")
        self._changed.append(path)
        return path.replace("\\", "/")

    def report(self) -> None:
        """Say how many paths were read with `/` for their backslashes."""
        if self._changed:
            path = self._changed[0]
            rule = "%s: backslashes in %d paths are read as /, since no file has the very name. First: %s as %s"
            log.warning(rule, self.source, len(self._changed), path, path.replace("\\", "/"))
