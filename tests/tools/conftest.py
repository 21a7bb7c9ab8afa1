"""What the tests of several tools share."""

import pytest
from grey_videos import write_video

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
