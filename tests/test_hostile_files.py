"""Files made to do harm are refused by name: nothing in them is run, and nothing of another file is read."""

import io
import json
import pickle
import stat
import zipfile
from pathlib import Path

import h5py
import hostile_files as hostile
import keras
import numpy as np
import pytest
from packaging.requirements import Requirement

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.sequences import formats, numpy_files
from videorec.models.backbones import weights as backbone_weights
from videorec.storage import weights_files
from videorec.training.initial import load_initial

LARGE = 10**6


@pytest.fixture
def marker(tmp_path):
    """The file that code from a file would make."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "code from a file was run"


@pytest.fixture
def secret(tmp_path):
    """A file that lies elsewhere."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "secret").write_bytes(hostile.SECRET)
    return folder / "secret"


def refused(read, path: Path) -> str:
    """Why `read` refuses a file: a sentence that names it, with nothing of the secret."""
    with pytest.raises(UserError, match=path.name) as told:
        read(path)
    assert "another file that nobody may see" not in str(told.value)
    assert len(str(told.value)) < 600
    return str(told.value)


# === Code in models ===


def readers(network):
    """All that reads a file of Keras."""
    return (weights_files.load_model, load_initial, lambda path: backbone_weights.load(network, str(path)))


@pytest.mark.parametrize("kind", sorted(hostile.layers(Path("x"), Path("x"))))
def test_code_in_a_model(kind, tmp_path, marker, secret):
    hostile.with_layer(tmp_path / "a.keras", hostile.layers(marker, secret)[kind])
    for read in readers(hostile.plain_model()):
        refused(read, tmp_path / "a.keras")
    with pytest.raises(Exception, match="[Ll]ambda"):  # safe mode was not turned off by a file
        keras.saving.deserialize_keras_object(hostile.layers(marker, secret)["Lambda"]({}))


def test_code_in_a_model_of_older_keras(tmp_path, marker):
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(3)]).save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        entry = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Lambda")
        entry["config"] |= hostile.layers(marker, marker)["Lambda"]({})["config"]
        file.attrs["model_config"] = json.dumps(config)
    for read in (weights_files.load_model, load_initial):
        assert "Lambda" in refused(read, tmp_path / "a.h5")


def test_keras_is_of_a_version_that_is_safe():
    """Older ones did not mind `safe_mode` in .h5 files."""
    lines = Path(__file__).parents[1].joinpath("requirements.txt").read_text().splitlines()
    (keras_line,) = [line for line in lines if line.startswith("keras")]
    allowed = Requirement(keras_line).specifier
    assert not any(allowed.contains(version) for version in ("3.0.0", "3.8.0", "3.11.2", "2.15.0"))
    assert tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 12)


# === Pickles ===


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "raw.npy"])
def test_pickles_in_arrays(name, tmp_path, marker):
    path, objects = tmp_path / name, np.full((2, 2, 2), hostile.Touch(marker), object)
    if name == "a.npz":
        np.savez(path, objects)
    elif name == "a.npy":
        np.save(path, objects, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(hostile.Touch(marker)))
    for read in (lambda path: numpy_files.load(path, None), lambda path: numpy_files.arrays(path, "")):
        refused(read, path)


def test_pickles_in_hdf5(tmp_path, marker):
    content = np.void(pickle.dumps(hostile.Touch(marker)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.ones((2, 3, 4), np.float32)
        file["x"].attrs["scale_factor"] = file["x"].attrs["layer_names"] = file.attrs["layer_names"] = content
        file["y"] = content
    refused(lambda path: formats.open_file(path, "a", Sequences(key="y"), 2), tmp_path / "a.h5")
    refused(lambda path: backbone_weights.load(hostile.plain_model(), str(path)), tmp_path / "a.h5")


# === Bytes of other files ===


@pytest.mark.parametrize("how", hostile.ELSEWHERE)
def test_weights_that_lie_elsewhere(how, tmp_path, secret):
    network, shape = hostile.plain_model(), (4, 3)
    hostile.secret_array(secret, shape)
    before = network.get_weights()
    network.save_weights(tmp_path / "a.weights.h5")
    network.save(tmp_path / "a.keras")

    def change(file):
        hostile.leads_elsewhere(file, "layers/dense/vars/0", shape, how, secret)

    with h5py.File(tmp_path / "a.weights.h5", "r+") as file:
        change(file)
    hostile.changed_weights(tmp_path / "a.keras", change)
    for read in readers(network):
        assert how in refused(read, tmp_path / "a.keras")
    for read in (lambda p: backbone_weights.load(network, str(p)), lambda p: weights_files.load_weights(network, p)):
        assert how in refused(read, tmp_path / "a.weights.h5")
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("how", hostile.ELSEWHERE)
def test_weights_of_older_keras_that_lie_elsewhere(how, tmp_path, secret):
    network = hostile.plain_model()
    hostile.secret_array(secret, (4, 3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["layer_names"] = ["dense"]
        group = file.create_group("dense")
        group.attrs["weight_names"] = ["kernel", "bias"]
        group["bias"] = np.zeros(3, np.float32)
        hostile.leads_elsewhere(file, "dense/kernel", (4, 3), how, secret)
    assert how in refused(lambda path: backbone_weights.load(network, str(path)), tmp_path / "a.h5")


@pytest.mark.parametrize("how", hostile.ELSEWHERE)
def test_sequences_that_lie_elsewhere(how, tmp_path, secret):
    hostile.secret_array(secret, (2, 3, 4))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        hostile.leads_elsewhere(file, "x", (2, 3, 4), how, secret)
    assert how in refused(lambda path: formats.open_file(path, "a", Sequences(key="x"), 2), tmp_path / "a.h5")


def test_a_link_in_place_of_a_model(tmp_path, secret):
    (tmp_path / "a.keras").symlink_to(secret)
    refused(weights_files.load_model, tmp_path / "a.keras")


# === Archives ===


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "..\\evil", "C:\\evil", "assets/../../evil"])
def test_members_that_lead_out_of_an_archive(name, tmp_path):
    hostile.plain_model().save(tmp_path / "a.keras")
    hostile.rewrite(tmp_path / "a.keras", {name: b"x", "assets/a": b"x"})
    assert "leads out of it" in refused(weights_files.load_model, tmp_path / "a.keras")
    np.savez(tmp_path / "a.npz", np.ones((2, 3, 4)))
    hostile.rewrite(tmp_path / "a.npz", {name: b"x"})
    assert "leads out of it" in refused(lambda path: numpy_files.load(path, None), tmp_path / "a.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "a.npz"]


def test_links_in_an_archive(tmp_path, secret):
    hostile.plain_model().save(tmp_path / "a.keras")
    link = zipfile.ZipInfo("assets/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.keras", "a") as archive:
        archive.writestr(link, str(secret))
    assert "a link" in refused(weights_files.load_model, tmp_path / "a.keras")


def zeros(path: Path, name: str, size: int) -> Path:
    """An archive with a member of zeros, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as member:
        for _ in range(size // LARGE):
            member.write(bytes(LARGE))
    return path


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/a"])
def test_members_that_unpack_to_far_more(name, tmp_path):
    path = zeros(tmp_path / "a.keras", name, 50 * LARGE)
    assert path.stat().st_size < 60_000
    assert "claims 50 MB" in refused(weights_files.load_model, path)


# === Models that claim more than they hold ===


def huge_layer(layer: dict) -> dict:
    layer["config"]["units"] = 10**12
    return layer


def test_a_layer_of_terabytes(tmp_path):
    hostile.with_layer(tmp_path / "a.keras", huge_layer)
    for read in readers(hostile.plain_model()):
        assert "describes more weights than it holds" in refused(read, tmp_path / "a.keras")
    assert hostile.plain_model().count_params() == 15  # layers are as before


@pytest.mark.parametrize("chunks", [None, (1000, 1000)])
def test_weights_of_terabytes(chunks, tmp_path):
    network = hostile.plain_model()
    network.save_weights(tmp_path / "a.weights.h5")
    network.save(tmp_path / "a.keras")

    def claim(file):
        del file["layers/dense/vars/0"]
        array = file.create_dataset("layers/dense/vars/0", (2 * LARGE, 2 * LARGE), np.float32, chunks=chunks, fillvalue=1.0)
        if chunks:
            array[0, 0] = 1.0

    with h5py.File(tmp_path / "a.weights.h5", "r+") as file:
        claim(file)
    hostile.changed_weights(tmp_path / "a.keras", claim)
    for read in readers(network):
        assert "claims 16 TB" in refused(read, tmp_path / "a.keras")
    for read in (lambda p: backbone_weights.load(network, str(p)), lambda p: weights_files.load_weights(network, p)):
        assert "claims 16 TB" in refused(read, tmp_path / "a.weights.h5")


def test_arrays_of_terabytes(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (LARGE, LARGE, 1)}
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, header)
    (tmp_path / "a.npy").write_bytes(content.getvalue() + bytes(100))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("arr_0.npy", content.getvalue() + bytes(100))
    for name in ("a.npy", "a.npz"):
        assert "claims 4 TB" in refused(lambda path: numpy_files.load(path, None), tmp_path / name)
    assert "claims 4 TB" in refused(lambda path: numpy_files.arrays(path, ""), tmp_path / "a.npz")
