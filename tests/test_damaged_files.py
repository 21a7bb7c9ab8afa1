"""Files damaged in every way, drawn from seeds: each is read, or refused in a sentence that names it, and raises nothing else.

The same by thousands: `trial` of tests/support/damage.py with other seeds.
"""

import shutil
from collections import Counter
from pathlib import Path

import damage
import h5py
import keras
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config.forecasting import Sequences
from videorec.data.pictures import Unreadable
from videorec.data.prepared.index import Prepared, is_prepared
from videorec.data.sequences import formats
from videorec.models.backbones import weights as backbone_weights
from videorec.runs.run import Run
from videorec.storage import weights_files
from videorec.tools import prepare

RUNS = sorted(path.name for path in (Path(__file__).parent / "data" / "old_runs" / "trained").iterdir())
STORED = np.arange(10 * 8 * 9, dtype=np.uint8).reshape(10, 8, 9)


def trials(whole: Path, folder: Path, read, seeds: range, files: str = "*") -> Counter:
    """What came of damage by the first word of what was done; some of it must have been refused."""
    read(whole)
    told = [damage.trial(whole, folder, seed, read, files) for seed in seeds]
    refused = [said for said in told if not said.endswith(": read")]
    assert refused
    assert all(len(said) < 1200 for said in refused)
    return Counter(said.split()[0] for said in refused)


# === Runs ===


def read_run(folder: Path) -> None:
    """All that later commands read of a run."""
    read_beside_the_model(folder).load_model()


def read_beside_the_model(folder: Path) -> Run:
    """All but its model, which takes longest."""
    run = Run.open(folder)
    assert run.recipe["classes"] == list(run.classes)
    run.states()
    run.last_state()
    if (run.folder / "state" / "best.npz").exists():
        run.load_best_weights()
    return run


@pytest.mark.parametrize("name", RUNS)
def test_run_folders(name, tmp_path, old_runs):
    (tmp_path / "copy").mkdir()
    trials(old_runs / "trained" / name, tmp_path / "copy", read_run, range(25), "[cm]*")


def test_states_and_recipes(tmp_path, quick_runs):
    (tmp_path / "copy").mkdir()
    kinds = trials(quick_runs / "a", tmp_path / "copy", read_beside_the_model, range(60), "[rs]*.json")
    assert kinds["swap_value"] > 5
    for seed in range(15):  # the checkpoint before takes the place of a damaged one
        damage.trial(quick_runs / "a", tmp_path / "copy", seed, read_beside_the_model, "*.h5")
    trials(quick_runs / "a", tmp_path / "copy", read_beside_the_model, range(20), "*.npz")


# === Weights ===


def test_weights(tmp_path):
    x = keras.Input((8, 8, 3))
    network = keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(x))
    network.save_weights(tmp_path / "a.weights.h5")
    trials(tmp_path / "a.weights.h5", tmp_path, lambda path: backbone_weights.load(network, str(path)), range(60))
    trials(tmp_path / "a.weights.h5", tmp_path, lambda path: weights_files.load_weights(network, path), range(60))


# === Sequences ===


def read_sequences(path: Path) -> None:
    """Open a file, and read its frames."""
    key = None if path.suffix == ".npy" else "x"
    for sequence in formats.open_file(path, "a", Sequences(key=key), 2):
        assert sequence.read(range(2)).shape[0] == 2


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.npy"])
def test_sequences(name, tmp_path):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, STORED)
    elif name == "a.npz":
        np.savez_compressed(path, x=STORED, y=np.ones(3))
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=STORED, chunks=(2, 8, 9), compression="gzip", fletcher32=True)
            file["x"].attrs["scale_factor"], file["x"].attrs["_FillValue"] = 0.5, np.uint8(3)
    trials(path, tmp_path, read_sequences, range(60))


# === Prepared pictures ===


def read_prepared(folder: Path) -> None:
    """All pictures of a prepared folder; a video alone may be unreadable."""
    if not is_prepared(str(folder)):
        return
    stored = Prepared(str(folder))
    for video in stored.videos():
        stored.facts(video)
        try:
            stored.pictures(video, "rgb", stored.indices(video, "rgb", 5.0))
        except Unreadable as error:
            assert str(error)


def test_prepared_pictures(tmp_path):
    for name in ("a/1.avi", "a/2.avi", "b/3.avi", "b/4.avi"):
        write_video(tmp_path / "videos" / name)
    assert prepare.main([str(tmp_path / "videos"), str(tmp_path / "out"), "--short-side", "32", "--videos-per-shard", "2"]) == 0
    (tmp_path / "copy").mkdir()
    kinds = trials(tmp_path / "out", tmp_path / "copy", read_prepared, range(150), "index.json")
    assert kinds["swap_value"] > 10
    for seed in range(30):
        damage.trial(tmp_path / "out", tmp_path / "copy", seed, read_prepared, "*.tfrecord")


def test_a_file_in_place_of_a_folder(tmp_path, old_runs):
    run = Path(shutil.copytree(old_runs / "trained" / "clips", tmp_path / "run"))
    (run / "state").write_text("a file")
    read_run(run)
    run = tmp_path / "file"
    run.write_text("no folder")
    with pytest.raises(damage.UserError, match=str(run)):
        read_run(run)
