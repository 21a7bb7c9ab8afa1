"""What all tests share."""

import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from pathlib import Path

import pytest
from grey_videos import write_video


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real videos and weights beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[1] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data with real data is absent")
    return folder.resolve()


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory) -> Path:
    """Manifest of a small synthetic data set: 8 classes, 4 train, 2 val and 2 test videos each."""
    from videorec.data import synthetic

    return synthetic.write(tmp_path_factory.mktemp("synthetic"), train=4, val=2, test=2)


@pytest.fixture(scope="session")
def training_seed() -> int:
    """The seed of the runs that tests train. Their outcome must not hang on it: try `VIDEOREC_TEST_SEED=3 pytest ...`."""
    return int(os.environ.get("VIDEOREC_TEST_SEED", "0"))


@pytest.fixture(scope="session")
def quick_runs(tmp_path_factory, synthetic, training_seed) -> Path:
    """The folder `runs` with two runs of the quick start's network, `a` and `b` (of another seed): two epochs on `synthetic`.

    For reading alone: a test that changes a run takes a copy (`tiny_runs.copied`).
    """
    from tiny_runs import QUICK, trained

    folder = tmp_path_factory.mktemp("quick") / "runs"
    for number, name in enumerate("ab"):
        seed = training_seed + 100 * number
        trained("quickstart", f"--data.path {synthetic} {QUICK} --train.epochs 2 --train.seed {seed}", name, folder)
    return folder


@pytest.fixture(scope="session")
def old_runs(tmp_path_factory) -> Path:
    """A copy of the small runs of every task in data/old_runs: folders `trained` and `data`. For reading alone."""
    folder = tmp_path_factory.mktemp("old_runs") / "copy"
    return shutil.copytree(Path(__file__).parent / "data" / "old_runs", folder)


@pytest.fixture
def video(tmp_path) -> Path:
    """Such a video of 20 frames at 10 fps."""
    return write_video(tmp_path / "video.avi")


@pytest.fixture(scope="session")
def s3_server():
    """An S3 server on this machine, a process of its own (moto)."""
    pytest.importorskip("tensorflow_io", reason="tensorflow-io exists for Python 3.11 and 3.12 only")
    pytest.importorskip("moto")
    from s3_server import S3Server

    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server, tmp_path, monkeypatch) -> str:
    """`s3://BUCKET`, a new bucket, for this process and its children; the home folder is empty, and so are the caches."""
    for name, value in {**s3_server.environment, "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    s3_server.start()
    return f"s3://{s3_server.new_bucket()}"
