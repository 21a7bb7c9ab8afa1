"""Time stamps of frames: which are believed, and which frames a rate or a segment shows. Pure functions on arrays.

What counts as time:

* A step from one stamp to the next is usual where it is near the median of all steps. One of more than a second and ten medians
  is a gap: nothing was recorded, and a rate shows the frame after it until its time has come.
* A step back, a step of nothing, and a step of more than 10 s and more than all other time of the video (gaps left out) are no
  time that passed, but a clock that was set or started anew: they count as one median.
* A file without stamps, or with a median above a minute, has the rate that it declares, or 25 frames a second.
"""

from dataclasses import dataclass

import numpy as np

GAP_SECONDS, GAP_STEPS = 1.0, 10.0
JUMP_SECONDS = 10.0
SLOWEST = 60.0  # seconds from frame to frame; a rate would show one frame thousands of times
ASSUMED_RATE = 25.0
SAME_RATE = 0.01
SLACK = 1e-3  # stamps are rounded to milliseconds in some containers


@dataclass(frozen=True)
class Clock:
    """When the frames of a file are shown.

    Args:
        times: `(N,)` float64 seconds, from 0 on, rising.
        rate: frames a second between its gaps.
        remarks: what a user must know of the stamps, in words.
        restarts: whether time went back, as in files that were joined.
        skipped: frames that there is room for between others, where the rate is constant otherwise.
    """

    times: np.ndarray
    rate: float
    remarks: tuple[str, ...] = ()
    restarts: bool = False
    skipped: int = 0


def clock(stamps: np.ndarray, declared: float | None = None) -> Clock:
    """The clock of a file by the rules above.

    Args:
        stamps: `(N,)` seconds as the container gives them, N at least 1.
        declared: frames a second by the file's header, where it says something.
    """
    steps = np.diff(np.asarray(stamps, np.float64))
    forward = np.sort(steps[np.isfinite(steps) & (steps > 0)])
    declared = declared if declared and declared > 1 / SLOWEST else None
    usual = float(forward[(len(forward) - 1) // 2]) if len(forward) else np.inf  # the lower of two in the middle
    if usual > SLOWEST:
        rate = declared or ASSUMED_RATE
        assumed = (f"no time stamps to believe: {rate:g} frames a second are assumed",) if len(steps) else ()
        return Clock(np.arange(len(steps) + 1) / rate, rate, assumed)
    is_usual = (steps > 0) & (steps <= max(GAP_SECONDS, GAP_STEPS * usual))
    passed = steps[is_usual].sum()
    set_anew = ~(steps > 0) | (steps > np.maximum(JUMP_SECONDS, passed - np.where(is_usual, steps, 0)))
    believed = np.where(set_anew, usual, steps)
    times = np.concatenate([[0.0], np.cumsum(believed)])
    kept = is_usual & ~set_anew
    rate = kept.sum() / steps[kept].sum() if kept.any() else 1 / usual
    if declared and abs(declared / rate - 1) < SAME_RATE:  # stamps may be rounded to milliseconds, the header is not
        rate = declared
    remarks = (*_of_gaps(times, believed, ~set_anew & ~is_usual), *_of_jumps(times, steps, set_anew))
    return Clock(times, float(rate), remarks, bool((steps[:-1] < 0).any()), _skipped(steps[is_usual & ~set_anew] / usual))


def _skipped(steps: np.ndarray) -> int:
    """Of steps in units of the usual one."""
    constant = len(steps) and (np.abs(steps - 1) < 0.1).mean() > 0.7
    return int((np.rint(steps[steps > 1.5]) - 1).sum()) if constant else 0


def _of_gaps(times: np.ndarray, steps: np.ndarray, gaps: np.ndarray) -> list[str]:
    if not gaps.any():
        return []
    first = int(np.argmax(gaps))
    return [f"{_some(gaps.sum(), 'gap')} in its time stamps, the first of {steps[first]:.1f} s after {times[first]:.2f} s"]


def _of_jumps(times: np.ndarray, steps: np.ndarray, jumps: np.ndarray) -> list[str]:
    """The last stamp alone may be anything: several containers end with 0."""
    told = np.flatnonzero(jumps[:-1] & (np.abs(steps[:-1]) > 0))
    if not len(told):
        return []
    place = f"the first of {steps[told[0]]:+.4g} s after {times[told[0]]:.2f} s"
    return [f"its clock was set {_some(len(told), 'time')}, {place}: no time passes there"]


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def shown(times: np.ndarray, fps: float | None = None, start: float = 0.0, end: float = np.inf) -> np.ndarray:
    """Numbers of the frames that a rate shows of a segment: tick k shows the first frame not before `start` + k / fps.

    Args:
        times: `(N,)` seconds, rising.
        fps: None: every frame once.
        start, end: seconds; frames from `end` on are left out.

    Returns:
        Rising int64, a frame more than once where it stands for several ticks.
    """
    inside = np.flatnonzero((times >= start) & (times < end))
    if fps is None:
        return inside
    ticks = np.floor((times[inside] - start + SLACK) * fps).astype(np.int64) + 1  # ticks up to each frame
    return np.repeat(inside, np.diff(np.maximum.accumulate(np.maximum(ticks, 0)), prepend=0))


# === For storage ===


def pack(times: np.ndarray) -> dict:
    """Times for JSON: `start` and `rate` where they are equidistant to a microsecond, else each of them in `stamps`."""
    times = np.asarray(times, np.float64)
    if len(times) > 1:
        rate = (len(times) - 1) / (times[-1] - times[0])
        if np.abs(times[0] + np.arange(len(times)) / rate - times).max() < 1e-6:
            return {"start": float(times[0]), "rate": float(rate)}
    return {"stamps": [round(float(time), 6) for time in times]}


def unpack(packed: dict, count: int) -> np.ndarray | None:
    """`(count,)` float64 seconds of what `pack` gave; None of an empty dict."""
    if "rate" in packed:
        return packed["start"] + np.arange(count) / packed["rate"]
    return np.array(packed["stamps"], np.float64) if "stamps" in packed else None
