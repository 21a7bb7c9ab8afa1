"""A model that is gone or cut is written anew from state/, whatever its run is at."""

import numpy as np
import pytest

from videorec.config import UserError

CACHED = "--train.epochs 2 --model.trainable-from none --train.cache-dir cache --train.cache-views 1"


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.unlink()], ids=["cut", "flipped", "gone"])
def test_the_model_of_a_finished_run(go, done, damage, caplog):
    weights = done.load_model().get_weights()
    damage(done.model_path)
    assert not done.has_whole_model()
    go("--train.epochs 2")
    assert f"{done.model_path} is missing or damaged: it is written anew from state/" in caplog.text
    assert done.has_whole_model() and done.last_state()["epoch"] == 2
    for ours, theirs in zip(done.load_model().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    before = done.model_path.stat().st_mtime_ns
    go("--train.epochs 2")
    assert done.model_path.stat().st_mtime_ns == before


def test_the_model_of_a_run_with_a_cache(go, caplog):
    run = go(CACHED)
    weights = run.load_model().get_weights()
    cut(run.model_path)
    go(CACHED)
    assert "64 computed" not in caplog.text.split("written anew")[1]
    for ours, theirs in zip(run.load_model().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_where_the_best_weights_are_damaged_too(go, done):
    done.model_path.unlink()
    (done.folder / "state" / "best.npz").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"best\.npz .*--train\.no-resume starts anew and keeps the old run"):
        go("--train.epochs 2")


def test_a_cut_model_says_what_mends_it(done):
    cut(done.model_path)
    with pytest.raises(
        UserError, match=r"model\.keras .*Where state/ is whole, the command that trained the run writes it anew"
    ):
        done.load_model()
