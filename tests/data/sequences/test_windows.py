"""The tf.data pipelines of forecasting: order, resumption, types, mirroring, masks and errors."""

import h5py
import numpy as np
import pytest
import tensorflow as tf

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.pipeline import own_errors
from videorec.data.sequences import windows
from videorec.data.sequences.windows import evaluation, open_sequences, training

J, K = 3, 2


def data_of(folder, **changes) -> Sequences:
    return Sequences(path=str(folder), frames=J, **changes)


@pytest.fixture
def folder(tmp_path):
    """Three uint8 files of 9 frames, 4 x 6: the pixel (0, 0) tells file and frame, the pixel (0, 5) is 255."""
    for n in range(3):
        array = np.zeros((9, 4, 6), np.uint8)
        array[:, 0, 0] = 20 * n + np.arange(9)
        array[:, 0, 5] = 255
        np.save(tmp_path / f"{n}.npy", array)
    return tmp_path


def batches(source, data, pixels="uint8", epochs=range(2), seed=0, batch=2):
    return list(training(source, data, K, pixels, batch, epochs, seed).as_numpy_iterator())


def firsts(got) -> list[int]:
    return np.concatenate([x["rgb"][:, 0, 0, 0, 0] for x, _ in got]).tolist()


def test_every_window_once_an_epoch(folder):
    data = data_of(folder)
    source = open_sequences(data, K, 0)
    got = batches(source, data)
    assert [len(x["rgb"]) for x, _ in got] == [2, 2, 1] * 2
    file = int(source.files["train"][0][0])
    assert sorted(firsts(got[:3])) == sorted(firsts(got[3:])) == [20 * file + k for k in range(5)]
    inputs, targets = got[0]
    assert inputs["rgb"].shape == (2, J, 4, 6, 1) and inputs["rgb"].dtype == np.uint8
    assert targets["frames"].shape == (2, K, 4, 6, 1) and targets["frames"].dtype == np.float32
    start = inputs["rgb"][0, 0, 0, 0, 0]
    np.testing.assert_array_equal(inputs["rgb"][0, :, 0, 0, 0], start + np.arange(3))
    np.testing.assert_allclose(targets["frames"][0, :, 0, 0, 0], (start + np.arange(3, 5)) / np.float32(255))


def test_windows_of_all_files_are_shuffled_together(tmp_path):
    for n in range(4):
        np.save(tmp_path / f"{n}.npy", np.full((24, 2, 2), n, np.uint8))
    data = data_of(tmp_path)
    source = open_sequences(data, K, 0)
    epochs = [firsts(batches(source, data, epochs=range(e, e + 1), batch=8)) for e in range(2)]
    assert len(set(epochs[0][:12])) == 2 and epochs[0] != epochs[1]


@pytest.mark.parametrize("kind", ["files", "moving_mnist"])
def test_a_resumed_run_sees_the_same_data(folder, kind, shared_data):
    mnist = Sequences(frames=J, digits=str(shared_data / "mnist"), train_sequences=5, flip=True)
    data = data_of(folder, flip=True) if kind == "files" else mnist
    whole = batches(open_sequences(data, K, 0), data, epochs=range(3))
    rest = batches(open_sequences(data, K, 0), data, epochs=range(1, 3))
    for (x, y), (x2, y2) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(x["rgb"], x2["rgb"])
        np.testing.assert_array_equal(y["frames"], y2["frames"])
    other = batches(open_sequences(data, K, 0), data, epochs=range(1, 3), seed=5)
    assert any((a[0]["rgb"] != b[0]["rgb"]).any() for a, b in zip(rest, other, strict=True))


def test_evaluation_is_in_order_and_agrees_with_eager_windows(folder):
    data = data_of(folder, test_hop=1)
    source = open_sequences(data, K, 0)
    got = list(evaluation(source, data, K, "float32", 2).as_numpy_iterator())
    assert np.concatenate([index for _, _, index in got]).tolist() == list(range(5))
    for inputs, targets, indices in got:
        for x, y, index in zip(inputs["rgb"], targets["frames"], indices, strict=True):
            window = source.window("test", index) / np.float32(255)
            np.testing.assert_allclose(x, window[:J], atol=1e-7)
            np.testing.assert_allclose(y, window[J:], atol=1e-7)
    assert len(list(evaluation(source, data, K, "uint8", 2, "val"))) == 3


def test_radar_in_hdf5(tmp_path):
    """As in SEVIR: events x height x width x time, int16 with a mark for what is missing, read by many threads."""
    stored = np.random.default_rng(0).integers(-20, 80, (12, 8, 9, 7)).astype(np.int16)
    for n in range(3):
        with h5py.File(tmp_path / f"{n}.h5", "w") as file:
            file.create_dataset("vil", data=stored[4 * n : 4 * n + 4], chunks=(1, 8, 9, 7), compression="gzip")
            file["id"] = np.array([b"a", b"b", b"c", b"d"])
    data = data_of(tmp_path, axes="NHWT", values=(0, 60))
    source = open_sequences(data, K, 0)
    assert source.windows("train") == 4 * 3 and source.windows("test") == 4 and source.shape == (8, 9, 1)
    number = int(source.files["test"][0][0])
    expected = np.clip(stored[4 * number :][:4, ..., :5].transpose(0, 3, 1, 2) / 60, 0, 1)
    (inputs, targets, _), *rest = evaluation(source, data, K, "float32", 4).as_numpy_iterator()
    assert not rest
    np.testing.assert_allclose(inputs["rgb"][..., 0], expected[:, :J], atol=1e-6)
    np.testing.assert_allclose(targets["frames"][..., 0], expected[:, J:], atol=1e-6)
    assert sum(len(x["rgb"]) for x, _ in batches(source, data, epochs=range(3))) == 36


def test_half_of_the_windows_are_mirrored_whole(tmp_path):
    """Inputs and targets of a window together, some of them, in training alone, and not the same ones each epoch."""
    array = np.zeros((60, 2, 4), np.uint8)
    array[:, :, 0] = 255
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", array)
    data = data_of(tmp_path, flip=True)
    source = open_sequences(data, K, 0)
    mirrored = []
    for inputs, targets in batches(source, data, batch=8):
        left = inputs["rgb"][..., 0, 0] == 255
        assert (left.all((1, 2)) | ~left.any((1, 2))).all()
        np.testing.assert_array_equal(left[:, 0, 0], targets["frames"][:, 0, 0, 0, 0] == 1)
        mirrored += (~left[:, 0, 0]).tolist()
    assert len(mirrored) == 112 and 35 < sum(mirrored) < 77
    for inputs, _, _ in evaluation(source, data, K, "uint8", 8):
        assert (inputs["rgb"].numpy()[..., 0, 0] == 255).all()


def test_masked_pixels(tmp_path):
    array = np.full((9, 2, 2), 0.3, np.float32)
    array[:, 0, 1] = np.nan
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", array)
    data = data_of(tmp_path)
    source = open_sequences(data, K, 0)
    for pixels, value in (("float32", np.float32(0.3)), ("uint8", 76)):  # 0.3 x 255 = 76.5, float32 a little below
        inputs, targets = batches(source, data, pixels)[0]
        assert inputs["rgb"].dtype == np.dtype(pixels)
        assert (inputs["rgb"][:, :, 0, 1] == 0).all() and np.isin(inputs["rgb"][:, :, 0, 0], [value, value + 1]).all()
        assert np.isnan(targets["frames"][:, :, 0, 1]).all() and (targets["frames"][:, :, 0, 0] == np.float32(0.3)).all()


def test_inputs_are_rounded():
    frames = np.array([0.0, 0.001, 0.002, 0.5, 0.999, 1.0], np.float32)
    assert windows.as_inputs(frames, "uint8").tolist() == [0, 0, 1, 128, 255, 255]
    grey = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(windows.as_inputs(grey, "float32"), [0, 0.2, 1])
    assert windows.as_inputs(grey, "uint8").tolist() == [0, 51, 255]


def test_shapes_are_static_and_sizes_kept(folder, shared_data):
    data = data_of(folder, size=(8, 12))
    inputs, targets = training(open_sequences(data, K, 0), data, K, "uint8", 2, range(1), 0).element_spec
    assert inputs["rgb"].shape.as_list() == [None, J, 8, 12, 1] and targets["frames"].shape.as_list() == [None, K, 8, 12, 1]
    data = Sequences(frames=J, digits=str(shared_data / "mnist"), size=(32, 32), test_sequences=4)
    got = list(evaluation(open_sequences(data, K, 0), data, K, "uint8", 4))
    assert got[0][0]["rgb"].shape == (4, J, 32, 32, 1)


def test_a_file_that_goes_bad_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("videorec.data.sequences.survey.LOOKED_THROUGH", 0)
    array = np.full((9, 2, 2), 0.5)
    array[8] = 9
    for n in range(3):
        array[7, 0, 0] = 0.6 + n / 10  # copies of one file are never split
        np.save(tmp_path / f"{n}.npy", array)
    data = data_of(tmp_path)
    source = open_sequences(data, K, 0)
    with pytest.raises(UserError, match=r"\d\.npy has values from 0.5 to 9"), own_errors(source):
        batches(source, data)
    with pytest.raises(tf.errors.OpError), own_errors(open_sequences(data, K, 0)):
        raise tf.errors.OutOfRangeError(None, None, "something else")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hop": 0}, "--data.hop must be 1 or more. Received: 0"),
        ({"test_hop": 0}, "--data.test-hop"),
        ({"step": 0}, "--data.step"),
        ({"size": (0, 4)}, "--data.size"),
        ({"val": 1.0}, "--data.val must be above 0 and below 1. Received: 1.0"),
        ({"test": 0.0}, "--data.test must be above 0 and below 1. Received: 0.0"),
        ({"test_file": "a.npy"}, "--data.test-file has no effect with --data.path"),
        ({"protocol": "shi"}, "--data.protocol has no effect"),
        ({"path": "moving_mnist", "values": (0, 1)}, "--data.values has no effect with --data.path moving_mnist"),
        ({"path": "moving_mnist", "train_sequences": 0}, "--data.train-sequences"),
    ],
)
def test_options_out_of_range_or_without_effect(folder, changes, message):
    with pytest.raises(UserError, match=message):
        open_sequences(Sequences(**{"path": str(folder), "frames": J, **changes}), K, 0)
