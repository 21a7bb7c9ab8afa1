"""Commands that are killed at every moment: is anything lost, and does the same command end as if nothing had happened?

Not a measure of speed, and no part of `all`: `python -m videorec.tools.benchmark faults --kills 50 --task recognition`. A
command is killed (SIGKILL) before one of its operations on the file system, or at a random moment; then it is started again,
maybe killed again, maybe while another start of it runs, until it ends. POSIX alone: the commands are forked, since starting
each anew would take most of the time.
"""

import importlib
import os
import shlex
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from videorec import terminal
from videorec.config import UserError
from videorec.tools.benchmark.faults_scenes import SCENES, Scene, make_data
from videorec.tools.benchmark.figures import Figure

PART = "faults"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
OPERATIONS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
KILLED = -signal.SIGKILL
SECOND_START = 0.25  # share of the trials in which the command is started once more while it runs
AGAIN = 0.7  # share of the starts after a kill that are killed too
HANG_SECONDS = 300


@dataclass
class Outcome:
    """What came of the trials of one scene."""

    kills: int = 0
    trials: int = 0
    wrong: Counter = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, what: object) -> None:
        self.wrong[kind] += 1
        self.examples.append(f"{kind}: {what}")


def measure(kills: int = 50, task: str = "all", seed: int = 0) -> list[Figure]:
    """A row a scene and a kind of loss; every number ought to be 0.

    Args:
        kills: of each scene.
        task: a name of `SCENES`, or all.
        seed: of the moments.

    Raises:
        UserError: no POSIX system.
    """
    if not hasattr(os, "fork"):
        raise UserError("The faults part forks its commands, which this system cannot")
    chosen = list(SCENES) if task == "all" else [task]
    for name in {"train", *(SCENES[name].script for name in chosen)}:
        importlib.import_module(name)  # before forking, so that no start takes seconds
    rows = []
    with tempfile.TemporaryDirectory(prefix="videorec-benchmark-") as made:
        work = Path(made)
        make_data(work)
        for name in chosen:
            rows += _rows(name, _trials(name, work, kills, np.random.default_rng([seed, kills])))
    return rows


def _rows(name: str, outcome: Outcome) -> list[Figure]:
    for example in outcome.examples[:5]:
        print(f"{name}: {example}", file=sys.stderr)
    kinds = ", ".join(f"{kind}: {count}" for kind, count in outcome.wrong.items())
    detail = f"{outcome.kills} kills in {outcome.trials} runs{'; ' * bool(kinds)}{kinds}"
    wrong = sum(outcome.wrong.values())
    return [Figure(PART, f"{name}, killed: faults", str(wrong), detail, "0", not wrong)]


# === Trials ===


def _trials(name: str, work: Path, kills: int, rng: np.random.Generator) -> Outcome:
    """Kill until there are enough; each trial ends with an undisturbed start."""
    scene, outcome = SCENES[name], Outcome()
    if scene.begin is not SCENES["recognition"].begin and not (work / "runs" / "reference-recognition").exists():
        _undisturbed(SCENES["recognition"], work, "reference-recognition")
    wanted, operations, seconds = _undisturbed(scene, work, f"reference-{name}")
    same, *_ = _undisturbed(scene, work, f"again-{name}")
    if wanted != same:
        outcome.note("two undisturbed ones differ", _first_difference(wanted, same))
    while outcome.kills < kills:
        outcome.trials += 1
        _trial(scene, work, f"{name}-{outcome.trials}", wanted, (operations, seconds), outcome, kills, rng)
    return outcome


def _undisturbed(scene: Scene, work: Path, name: str) -> tuple[object, int, float]:
    """What the command leaves, the number of its operations on the file system, and its time."""
    scene.begin(work, name)
    counted, began = work / f"{name}.operations", time.monotonic()
    status = _wait(_start(scene, work, name, count=counted))
    if status:
        raise UserError(f"{scene.script} failed undisturbed ({status}): {_log(work, name)[-2000:]}")
    return scene.result(work, name), int(counted.read_text(encoding="utf-8")), time.monotonic() - began


def _trial(scene, work: Path, name: str, wanted, extent, outcome: Outcome, kills: int, rng) -> None:
    scene.begin(work, name)
    second = scene.script == "train" and rng.random() < SECOND_START
    while outcome.kills < kills:
        outcome.kills += _killed(scene, work, name, extent, second, outcome, rng) == KILLED
        for problem in scene.problems(work, name):
            outcome.note("broken after a kill", f"{name}: {problem}")
        if rng.random() >= AGAIN:
            break
    status = _wait(_start(scene, work, name))
    log = _log(work, name)
    if status or "Traceback" in log:
        outcome.note("does not go on", f"{name}: status {status}: {log[-1000:]}")
        return
    result = scene.result(work, name)
    if result != wanted:
        outcome.note("other than undisturbed", f"{name}: {_first_difference(wanted, result)}")
    if left := [path for path in work.rglob("*") if ".tmp-" in path.name or path.name.startswith("new_")]:
        outcome.note("left", f"{name}: {left[:3]}")


def _killed(scene, work: Path, name: str, extent, second: bool, outcome: Outcome, rng) -> int:
    """Start the command and kill it; its status, `KILLED` unless it ended before."""
    operations, seconds = extent
    at_operation = rng.random() < 0.5
    process = _start(scene, work, name, kill_at=int(rng.integers(1, operations + 1)) if at_operation else 0)
    other = None
    if second:
        time.sleep(float(rng.uniform(0, seconds / 2)))
        other = _start(scene, work, name)
    if not at_operation:
        time.sleep(float(rng.uniform(0, seconds)))
        os.kill(process, signal.SIGKILL)
    status = _wait(process)
    if other is not None and _wait(other) not in (0, 2):
        outcome.note("a second start fails", name)
    return status


def _log(work: Path, name: str) -> str:
    return (work / f"{name}.log").read_text(encoding="utf-8", errors="replace")


def _first_difference(wanted, result) -> str:
    if not isinstance(wanted, dict) or not isinstance(result, dict):
        return f"{wanted} -> {result}"[:300]
    return next((str(key) for key in wanted.keys() | result.keys() if wanted.get(key) != result.get(key)), "none")


# === Processes ===


def _start(scene: Scene, work: Path, name: str, kill_at: int = 0, count: Path | None = None) -> int:
    """The command in a process of its own, which kills itself before that operation on the file system; its number."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.environ["HOME"] = str(work / "home")
        log = os.open(work / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        operations = _watch(str(work), kill_at)
        sys.argv = [scene.script, *shlex.split(scene.line(work, name))]
        try:
            terminal.run(importlib.import_module(scene.script).main)
        except SystemExit as ended:
            status = ended.code or 0
        if count:
            count.write_text(str(operations[0]), encoding="utf-8")
    except BaseException:
        traceback.print_exc()
    os._exit(status)


def _watch(work: str, kill_at: int) -> list[int]:
    """Count the operations that change files below a folder, and kill this process before the one numbered `kill_at`."""
    operations = [0]

    def hook(event: str, args: tuple) -> None:
        changes = event in OPERATIONS or (event == "open" and isinstance(args[2], int) and args[2] & WRITING)
        if changes and str(args[0]).startswith(work):
            operations[0] += 1
            if operations[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return operations


def _wait(process: int) -> int:
    """The exit status of a process, negative for a signal; one that hangs is ended."""
    until = time.monotonic() + HANG_SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return 124
