"""The run folder: which experiments go on with it."""

import dataclasses
import json

import pytest

from videorec.config import Experiment, Train, UserError
from videorec.models.lrcn import LRCN
from videorec.runs.run import Run

CLASSES = ("a", "b")


@pytest.fixture
def begun(tmp_path):
    """Makes a run of an experiment, as after an epoch, with another `warmup_epochs` in its config.json."""

    def make(experiment, warmup_epochs) -> Run:
        run = Run.create(tmp_path / "x", experiment, CLASSES)
        tree = json.loads((run.folder / "config.json").read_text())
        tree["train"]["warmup_epochs"] = warmup_epochs
        (run.folder / "config.json").write_text(json.dumps(tree))
        (run.folder / "state" / "state.json").write_text("[]")
        return run

    return make


@pytest.mark.parametrize("schedule", ["cosine", "step", "constant"])
def test_runs_with_the_warm_up_of_version_0_1_0_go_on(begun, schedule):
    experiment = Experiment("x", model=LRCN(), train=Train(schedule=schedule))
    run = begun(experiment, 1.0)
    assert Run(run.folder).experiment == experiment
    assert Run.create(run.folder, experiment, CLASSES).experiment == experiment


def test_one_epoch_of_warm_up_given_or_not_is_the_same(begun):
    given = Experiment("x", model=LRCN(), train=Train(warmup_epochs=1.0))
    run = begun(given, 1.0)
    for warmup_epochs in (1.0, None):
        Run.create(run.folder, dataclasses.replace(given, train=Train(warmup_epochs=warmup_epochs)), CLASSES)
    with pytest.raises(UserError, match=r"holds a run with other settings:\n  train.warmup_epochs: None -> 2.0"):
        Run.create(run.folder, dataclasses.replace(given, train=Train(warmup_epochs=2.0)), CLASSES)
