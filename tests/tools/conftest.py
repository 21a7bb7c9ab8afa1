"""What the tests of several tools share."""

import numpy as np
import pytest
from grey_videos import write_video
from tiny_runs import measured, trained

SMALL = (
    "--data.frames 4 --data.resize 20 20 --data.crop 16 16 --data.workers 2 --model.units 8 --train.batch 8 --train.epochs 1"
)


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory, synthetic):
    """A folder with the runs a and frozen (its head alone is trained) of the quick start, each evaluated."""
    import evaluate
    import train

    folder = tmp_path_factory.mktemp("small-runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        frozen = "--model.trainable-from none --train.cache-dir cache"
        for name, extra in (("a", ""), ("frozen", frozen)):
            assert train.main(f"quickstart --name {name} --data.path {synthetic} {SMALL} {extra}".split()) == 0
            assert evaluate.main([f"runs/{name}"]) == 0
    return folder


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory):
    """A forecaster of 3 + 2 frames of 8 x 8, trained for two epochs and measured."""
    folder = tmp_path_factory.mktemp("forecaster")
    (folder / "data").mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        np.save(folder / f"data/{number:02d}.npy", rng.integers(0, 256, (5, 8, 8), np.uint8))
    args = "--data.frames 3 --model.horizon 2 --model.filters 2 --model.kernel 3 --model.patch 2 --train.epochs 2"
    run = trained("convlstm_forecaster", f"--data.path {folder}/data {args}", "f", folder / "runs")
    measured(run)
    return run


@pytest.fixture
def source(tmp_path):
    """Three classes of two short videos."""
    for name in ("a/1.avi", "a/2.avi", "b/1.avi", "b/2.avi", "c/1.avi", "c/2.avi"):
        write_video(tmp_path / "videos" / name, 10)
    return tmp_path / "videos"


@pytest.fixture
def out(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "out"
