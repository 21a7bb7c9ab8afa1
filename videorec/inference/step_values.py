"""What stands for a value of the clip's graph where the graph runs step by step."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class When:
    """Which steps of a sequence of windows are there.

    Attributes:
        layer: that makes the windows.
        counts: `(B, t, 1)` bool: a window ends at this step, or all that came is shorter than one.
        replaces: `(B, t, 1)` bool: this window takes the place of all before: they were shorter ones. Both are None where no
            frame came.
    """

    layer: Any
    counts: Any
    replaces: Any


@dataclass(frozen=True)
class Steps:
    """A sequence, `(B, T, ...)` in the clip's graph: the steps that came, `(B, t, ...)`.

    Attributes:
        tensor: None where no frame came.
        delay: how many steps later than its frame a value comes.
        length: T, or None where the clip's graph takes any.
        when: of windows: which steps count. None: all.
    """

    tensor: Any
    delay: int = 0
    length: int | None = None
    when: When | None = None


@dataclass(frozen=True)
class Running:
    """What was made of all steps, `(B, ...)` in the clip's graph: its value after each step, `(B, t, ...)`.

    Attributes:
        tensor: None where it is not asked for.
        tail: of a sequence `(B, S, ...)` of which only the last steps are known: how many. None: all is known.
    """

    tensor: Any
    tail: int | None = None


@dataclass(frozen=True)
class Lost:
    """What no stream has, and why: "the layer NAME ..."."""

    reason: str


class StepError(Exception):
    """Why a layer cannot run step by step, to be read after its name: "reads the sequence backwards"."""


class WholeClipError(Exception):
    """A layer that makes windows must see a whole clip of frames again at every step."""

    def __init__(self, layer):
        super().__init__(layer)
        self.layer = layer
