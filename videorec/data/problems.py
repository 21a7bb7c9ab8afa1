"""What went wrong with videos during a run: counted, named once in the log, and reported with the results."""

import logging
import threading

from videorec.config import UserError

log = logging.getLogger(__name__)


class Problems:
    """Collects unreadable and short videos over all loader threads.

    Args:
        total: videos of the run, all splits.
        max_share: share of unreadable videos above which `check` stops the run.

    Attributes:
        unreadable: names with the reasons; they count with weight 0, and in no figure.
        damaged: names of those that are used as far as they can be decoded, with what is wrong.
        short: names of those that have fewer frames than a clip, with their number.
    """

    def __init__(self, total: int, max_share: float):
        self.total, self.max_share = total, max_share
        self.unreadable: dict[str, str] = {}
        self.damaged: dict[str, str] = {}
        self.short: dict[str, int] = {}
        self._lock = threading.Lock()

    def add_unreadable(self, name: str, reason: str) -> None:
        """Note a video that cannot be read; it is named in the log the first time."""
        with self._lock:
            if name not in self.unreadable:
                self.unreadable[name] = reason
                log.warning("unreadable, counted with weight 0: %s: %s", name, reason)

    def add_damaged(self, name: str, reason: str) -> None:
        """Note a video of which a part cannot be decoded; it is named in the log the first time."""
        with self._lock:
            if name not in self.damaged:
                self.damaged[name] = reason
                log.warning("damaged, used as far as it can be decoded: %s: %s", name, reason)

    def add_short(self, name: str, frames: int, wanted: int, filled: str) -> None:
        """Note a video with fewer frames than a clip; the log says once how such are `filled` (see `Data.short`)."""
        how = {"hold": "its last frame is repeated", "repeat": "it repeats from its start"}[filled]
        with self._lock:
            if not self.short:
                log.warning("%s has %d frames, a clip %d: %s (so for all such)", name, frames, wanted, how)
            self.short[name] = frames

    def check(self) -> None:
        """Stop the run where too much cannot be read.

        Raises:
            UserError: more than `max_share` of the videos are unreadable.
        """
        if len(self.unreadable) > self.max_share * self.total:
            name, reason = next(iter(self.unreadable.items()))
            raise UserError(
                f"{len(self.unreadable)} of {self.total} videos cannot be read, more than --data.max-unreadable "
                f"{self.max_share:g}. First: {name}: {reason}. `python -m videorec.tools.check` lists them all; mend or "
                "remove them, or raise the setting."
            )

    def summary(self) -> dict:
        """For `results.json`: the unreadable and the damaged videos with their reasons, and how many were short."""
        return {
            "unreadable": dict(sorted(self.unreadable.items())),
            "damaged": dict(sorted(self.damaged.items())),
            "shorter_than_clip": len(self.short),
        }
