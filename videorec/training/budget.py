"""What may be shown without training becoming slow."""

import contextlib
import logging
import time
from collections.abc import Iterator

log = logging.getLogger(__name__)


class Budget:
    """Time for pictures: a small share of the time since the start.

    Args:
        share: of the time since the start that may be spent.
    """

    def __init__(self, share: float = 0.01):
        self.share, self.spent, self._began, self._said = share, 0.0, time.monotonic(), False

    @property
    def left(self) -> float:
        """Seconds that may be spent now; negative after more was spent."""
        return self.share * (time.monotonic() - self._began) - self.spent

    def allows(self, epoch: int) -> bool:
        """Whether pictures of this epoch (from 1) may be drawn; the first time that they may not, the log says so."""
        if self.left > 0:
            return True
        if not self._said:
            log.info(
                "TensorBoard gets no pictures of epoch %d, nor of others for which more than %g %% of the time would go on "
                "pictures; the first and the last epoch always have them",
                epoch,
                100 * self.share,
            )
            self._said = True
        return False

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """What the block takes counts."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - began
