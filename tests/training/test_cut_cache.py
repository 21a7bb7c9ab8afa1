"""Training from a layer on, on the maps below it."""

import numpy as np
from tiny_runs import history


def test_stored_maps_train_the_model_as_frames_do(go, caplog):
    """Without augmentation; the maps are kept in half precision, which is all that the two may differ by."""
    args = "--model.trainable-from conv4 --train.epochs 2 --train.optimizer sgd --train.learning-rate 0.1 --data.no-augment"
    stored, frames = go(f"{args} --train.cache-dir cache"), go(f"{args} --train.no-cache", "y")
    assert caplog.text.count("32 clips to compute, 65.5 kB of disk") == 1  # 4 maps of 2 x 2 x 64 numbers a clip
    np.testing.assert_allclose(*([epoch["loss"] for epoch in history(run)] for run in (stored, frames)), rtol=1e-3)
    for ours, theirs in zip(*(run.load_model().get_weights() for run in (stored, frames)), strict=True):
        assert np.abs(ours - theirs).mean() < 3e-4
