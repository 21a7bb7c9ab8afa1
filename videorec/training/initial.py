"""The weights that a new run starts from: those of other runs, or of files."""

from pathlib import Path

import keras

from videorec.config import Fit, UserError
from videorec.models.transfer import transfer
from videorec.runs.run import Run
from videorec.storage import files, weights_files


def check_initial(path: str) -> None:
    """A model of --train.init must be there; it is read later.

    Raises:
        UserError: no run, no finished epoch in it, or no such file.
    """
    if files.is_remote(path) or Path(path).expanduser().is_dir():
        Run.open(path).check_model()
    elif not Path(path).expanduser().is_file():
        raise UserError(f"--train.init must be a run folder or a local .keras file. Received: {path}, which does not exist")


def load_initial(path: str) -> keras.Model:
    """The model to start from: a run folder's best, or a .keras file.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    if files.is_remote(path) or Path(path).expanduser().is_dir():
        return Run.open(path).load_model()
    return weights_files.load_model(Path(path).expanduser(), "--train.init must be a run folder or a local .keras file")


def initialise(model: keras.Model, train: Fit) -> None:
    """Start a new run from the weights of `train.init`, where there are any."""
    if train.init:
        transfer([(load_initial(origin), origin) for origin in train.init], model)
