"""What reading a video from end to end showed: how many frames there are, when they are shown, what is damaged."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from videorec.data import clock
from videorec.storage import outside

Verdict = Literal["good", "damaged", "unreadable"]

MOST_FRAMES = 10**9  # a year of video: what more is stored of one is damage
KINDS = {"frames": int, "width": int, "height": int, "packed_times": dict, "unreadable": str, "damage": str}
KINDS |= {"remarks": dict, "missing": list}


@dataclass(frozen=True)
class Facts:
    """Of one video file or folder of pictures.

    Args:
        frames: that can be decoded.
        width, height: px of a frame, as it is shown.
        declared: frames by the header of a container that counts them, None where nothing does.
        rate: frames a second between gaps; None for a folder of pictures.
        packed_times: when each frame is shown, see `clock.pack`; empty for a folder.
        unreadable: why no frame can be had, in words; empty where one can.
        damage: what is broken or missing, in words; empty where nothing that could be seen is.
        remarks: what is odd though nothing is broken, by its kind (see `KINDS`), in words.
        missing: names of the pictures of a folder that cannot be decoded.
    """

    frames: int = 0
    width: int = 0
    height: int = 0
    declared: int | None = None
    rate: float | None = None
    packed_times: dict = field(default_factory=dict)
    unreadable: str = ""
    damage: str = ""
    remarks: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether it can be read whole, in part, or not at all."""
        return "unreadable" if self.unreadable else "damaged" if self.damage else "good"

    @property
    def times(self) -> np.ndarray | None:
        """`(frames,)` float64 seconds, from 0 on; None for a folder of pictures, which has no clock."""
        return clock.unpack(self.packed_times, self.frames)

    @property
    def seconds(self) -> float | None:
        """How long it is shown, the last frame as long as a usual one; None for a folder."""
        times = self.times
        return None if times is None or not len(times) else float(times[-1] + 1 / self.rate)

    def above(self, max_pixels: int) -> str:
        """Why it is not read where a frame may have so many pixels, in words; empty where it may be."""
        if self.width * self.height <= max_pixels:
            return ""
        size = f"{self.width} x {self.height} px"
        return f"its frames have {size}, more than --data.max-pixels {max_pixels} ({self.width * self.height:,})"

    def to_json(self) -> str:
        """One line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Facts":
        """The inverse of `to_json`.

        Raises:
            Exception: of many kinds, where it is none; to be used in `videorec.storage.outside.reading`.
        """
        tree = outside.checked(json.loads(text), KINDS)
        if not 0 <= tree["frames"] < MOST_FRAMES:
            raise ValueError(f"frames must be from 0 to {MOST_FRAMES:,}. Received: {tree['frames']}")
        facts = cls(**tree | {"missing": tuple(tree["missing"])})
        times = facts.times
        if times is not None and len(times) != facts.frames:
            raise ValueError(f"{facts.frames} frames must have as many time stamps. Received: {len(times)}")
        return facts
