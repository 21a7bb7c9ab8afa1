"""`state/` of a run: the last two checkpoints, and the best weights until the whole model is written.

state.json              the checkpoints, oldest first      epoch_NNNN.weights.h5   weights, optimizer and random state
best.npz                the best weights of what is fitted
"""

import hashlib
import json
import logging
from pathlib import Path

import keras
import numpy as np

from videorec.data.sequences import numpy_files
from videorec.storage import files, outside, weights_files

log = logging.getLogger(__name__)

CHECKPOINTS = 2
ANEW = "--train.no-resume starts anew and keeps the old run under another name"
OTHER = (
    "The file is whole, by its checksum, so that it is of another network, as where an older version of videorec began the run"
)


class Checkpoints:
    """The state that training goes on from, in `folder`/state; every file is there whole or not at all."""

    folder: Path

    def last_state(self) -> dict | None:
        """The newest checkpoint whose weights file is whole: `{"epoch", "weights", "sha256", "counters"}`, or None."""
        for state in reversed(self.states()):
            path = self.folder / "state" / state["weights"]
            if path.is_file() and _sha256(path) == state["sha256"]:
                return state
            log.warning("the checkpoint of epoch %d is damaged (%s): going back one epoch", state["epoch"], path)
        return None

    def states(self) -> list[dict]:
        """All checkpoints as `last_state` gives them, damaged ones too.

        Raises:
            UserError: their list is damaged.
        """
        file = self.folder / "state" / "state.json"
        with outside.reading(file, ANEW):
            states = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
            return [_checked(state) for state in states]

    def restore(self, model: keras.Model, state: dict) -> None:
        """Load weights, optimizer and random state of a checkpoint; the model must be compiled.

        Raises:
            UserError: the file is of another network: `state` is of a file that is whole.
        """
        model.optimizer.build(model.trainable_variables)  # or load_weights would skip the optimizer
        path = self.folder / "state" / state["weights"]
        weights_files.load_weights(model, path, f"{OTHER}. {ANEW}")

    def save_state(self, model: keras.Model, epoch: int, counters: dict) -> None:
        """Keep weights, optimizer and counters after `epoch` epochs."""
        weights = self.folder / "state" / f"epoch_{epoch:04d}.weights.h5"
        temporary = weights.with_name(f"new_{weights.name}")
        model.save_weights(temporary)
        entry = {"epoch": epoch, "weights": weights.name, "sha256": _sha256(temporary), "counters": counters}
        files.replace(temporary, weights)
        states = [state for state in self.states() if state["epoch"] < epoch][1 - CHECKPOINTS :] + [entry]
        files.write(self.folder / "state" / "state.json", json.dumps(states, indent=1).encode())
        kept = {state["weights"] for state in states}
        for file in (self.folder / "state").glob("*.weights.h5"):
            if file.name not in kept:
                file.unlink()

    def save_best_weights(self, weights: list[np.ndarray]) -> None:
        """Keep the fitted model's best weights until the whole model is written."""
        temporary = self.folder / "state" / "new_best.npz"
        np.savez(temporary, *weights)
        files.replace(temporary, self.folder / "state" / "best.npz")

    def load_best_weights(self) -> list[np.ndarray]:
        """What `save_best_weights` kept.

        Raises:
            UserError: the file is missing or damaged.
        """
        return numpy_files.arrays(self.folder / "state" / "best.npz", ANEW)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(state: dict) -> dict:
    """An entry of state.json; what is none raises."""
    outside.checked(state, {"epoch": int, "weights": str, "sha256": str, "counters": dict})
    if Path(state["weights"]).name != state["weights"] or not state["weights"].endswith(".weights.h5"):
        raise ValueError(f"weights of a checkpoint must be a file beside it. Received: {state['weights']!r}")
    return state
