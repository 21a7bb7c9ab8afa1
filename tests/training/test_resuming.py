"""The same command again: it goes on where the run stopped, as if it had never stopped."""

import json

import h5py
import pytest
from tiny_runs import assert_same_state, copied, history, lose_last_epoch

from videorec.config import UserError

LAST_TWO = ["epoch_0002.weights.h5", "epoch_0003.weights.h5"]


@pytest.mark.parametrize("trained_from", ["all", "conv4"])
def test_a_resumed_run_equals_an_uninterrupted_one(go, trained_from, caplog):
    """Where the newest checkpoint is damaged, the run falls back one epoch and repeats it."""
    args = "--train.epochs 2 --train.schedule constant --train.deterministic --data.augment --train.cache-dir cache"
    args += f" --model.trainable-from {trained_from} --train.cache-views 2"
    args += " --train.ema 0.9" if trained_from == "conv4" else ""
    cached = trained_from != "all"
    whole = go(args, name="whole")
    assert ("0 clips reused, 64 computed" in caplog.text) == cached  # two views of 32 clips
    parts = copied(whole, "runs/parts")
    lose_last_epoch(parts)
    parts.model_path.unlink()
    assert go(args, name="parts").last_state()["epoch"] == 2
    assert "the checkpoint of epoch 2 is damaged" in caplog.text and "going on after epoch 1" in caplog.text
    assert ("64 clips reused, 0 computed" in caplog.text) == cached
    assert_same_state(whole, parts)
    for run in (whole, parts):
        assert run.load_model().inputs[0].shape == (None, None, 16, 16, 3)  # of a head on stored features, too


def test_a_finished_run_is_left_alone_and_may_have_more_epochs(go, done):
    before = done.model_path.stat().st_mtime_ns
    go("--train.epochs 2")
    assert done.model_path.stat().st_mtime_ns == before
    done.model_path.unlink()
    go("--train.epochs 3")
    assert done.last_state()["epoch"] == 3 and len(history(done)) == 3 and done.has_whole_model()
    assert sorted(path.name for path in (done.folder / "state").glob("*.h5")) == LAST_TWO


def test_training_ends_after_so_many_steps_and_may_have_more(go, done, caplog):
    """Two epochs of 4 steps are done, by a version that did not count them: 10 end in the middle of the third."""
    file = done.folder / "state" / "state.json"
    states = json.loads(file.read_text())
    for state in states:
        del state["counters"]["steps"]
    file.write_text(json.dumps(states))
    go("--train.epochs 9 --train.steps 10")
    assert (steps_taken(done), done.last_state()["epoch"]) == (10, 3) and len(history(done)) == 3
    before = done.model_path.stat().st_mtime_ns
    go("--train.epochs 9 --train.steps 10")
    assert done.model_path.stat().st_mtime_ns == before and "after 3 epochs; more with --train.steps" in caplog.text
    go("--train.epochs 9 --train.steps 15")
    assert (steps_taken(done), done.last_state()["epoch"]) == (15, 5)
    go("--train.epochs 6 --train.steps 99")
    assert (steps_taken(done), done.last_state()["epoch"]) == (19, 6)


def steps_taken(run) -> int:
    """As the optimizer counts them."""
    with h5py.File(run.folder / "state" / run.last_state()["weights"]) as file:
        return int(file["optimizer/vars/0"][()])


def test_other_settings_are_refused_or_keep_the_old_run(go, done):
    with pytest.raises(UserError, match=r"model\.units: 8 -> 9"):
        go("--train.epochs 2 --model.units 9")
    go("--train.epochs 1 --model.units 9 --train.no-resume")
    old = done.folder.with_name("x.old-1")
    assert done.last_state()["epoch"] == 1 and (old / "model.keras").exists() and (old / "state" / "state.json").exists()


def test_damaged_model_is_named(done):
    done.model_path.write_bytes(b"PK no zip")
    with pytest.raises(UserError, match=r"model\.keras cannot be read"):
        done.load_model()
