"""A stream without end, of which only the last seconds count: two runs of the model, begun one after the other."""

from videorec.inference.steppers import Clips, Stepper


class Overlapping:
    """Answers from the last `seconds / 2` to `seconds` (at the start from fewer), in memory and time that do not grow.

    One stepper answers; the other begins half as long later, and takes over when the first has run for `seconds`.

    Args:
        first, second: two steppers of one model.
    """

    def __init__(self, first: Stepper, second: Stepper, seconds: float):
        self._leads, self._follows, self._seconds = first, second, seconds
        self._began: float | None = None  # the one that leads
        self._followed: float | None = None
        self._warm = False

    def at(self, time: float) -> None:
        """The time of the next frame, in seconds."""
        if self._began is not None and time >= self._began + self._seconds:
            self._leads, self._follows = self._follows, self._leads
            self._follows.reset()
            self._began, self._followed = self._followed, None
            if self._began is None or time >= self._began + self._seconds:  # after a long gap nothing counts any more
                self._leads.reset()
                self._began = None
        if self._began is None:
            self._began = time
        elif self._followed is None and time >= self._began + self._seconds / 2:
            self._followed = time

    def push(self, inputs: Clips) -> dict:
        """See `Stepper`."""
        if self._followed is not None:
            self._follows.push(inputs)
        elif not self._warm:  # the first frame takes seconds: better at the start, for both, than in the middle
            self._follows.push(inputs)
            self._follows.reset()
        self._warm = True
        return self._leads.push(inputs)

    def end(self) -> dict:
        """See `Stepper`."""
        return self._leads.end()

    def reset(self) -> None:
        """See `Stepper`."""
        self._leads.reset()
        self._follows.reset()
        self._began = self._followed = None
