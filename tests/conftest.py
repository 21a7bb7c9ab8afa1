"""What all tests share."""

import os
import random
import shutil
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from pathlib import Path

import filelock
import pytest
from grey_videos import write_video


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """Random weights, whose seeds Keras draws by `random`, are those of the fixture, whatever ran before it."""
    _seed(fixturedef.argname)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """And of the test."""
    _seed(pyfuncitem.nodeid)
    return (yield)


def _seed(name: str) -> None:
    random.seed(f"{name} {os.environ.get('VIDEOREC_TEST_SEED', '0')}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real videos and weights beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[1] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data with real data is absent")
    return folder.resolve()


@pytest.fixture(scope="session")
def once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`once(name, make)`: a folder that `make(folder)` has filled, once for all processes of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def once(name: str, make: Callable[[Path], object]) -> Path:
        place, whole = folder / f"once_{name}", folder / f"once_{name}.whole"
        with filelock.FileLock(folder / f"once_{name}.lock"):
            if not whole.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                make(place)
                whole.touch()
        return place

    return once


@pytest.fixture(scope="session")
def synthetic(once) -> Path:
    """Manifest of a small synthetic data set: 8 classes, 4 train, 2 val and 2 test videos each."""
    from videorec.data import synthetic

    return once("synthetic", lambda folder: synthetic.write(folder, train=4, val=2, test=2)) / "manifest.csv"


@pytest.fixture(scope="session")
def training_seed() -> int:
    """The seed of the runs that tests train. Their outcome must not hang on it: try `VIDEOREC_TEST_SEED=3 pytest ...`."""
    return int(os.environ.get("VIDEOREC_TEST_SEED", "0"))


@pytest.fixture(scope="session")
def quick_runs(once, synthetic, training_seed) -> Path:
    """The folder `runs` with two runs of the quick start's network, `a` and `b` (of another seed): two epochs on `synthetic`.

    For reading alone: a test that changes a run takes a copy (`tiny_runs.copied`).
    """
    from tiny_runs import QUICK, trained

    def make(folder: Path) -> None:
        for number, name in enumerate("ab"):
            seed = training_seed + 100 * number
            trained(
                "quickstart", f"--data.path {synthetic} {QUICK} --train.epochs 2 --train.seed {seed}", name, folder / "runs"
            )

    return once("quick", make) / "runs"


@pytest.fixture(scope="session")
def task_runs(once):
    """Tiny runs by task, each evaluated: dense, anticipation, forecasting. For reading alone."""
    import task_runs

    return task_runs.by_task(once("tasks", task_runs.train_all))


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
