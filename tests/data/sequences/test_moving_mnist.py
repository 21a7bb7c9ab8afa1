"""Moving MNIST: the motion, the two protocols, the digits, and what is wrong with files."""

import gzip
import struct

import numpy as np
import pytest

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.sequences import mnist_digits, moving_mnist
from videorec.data.sequences.moving_mnist import MovingMNIST


def write_idx(path, digits: np.ndarray, magic: int = 0x803, missing: int = 0):
    content = struct.pack(">4I", magic, *digits.shape) + digits.tobytes()
    content = content[: len(content) - missing]
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def numbered(count: int, first: int = 0) -> np.ndarray:
    """`(count, 28, 28)`: digit k is a filled square; its value and the pixels of its first row tell k."""
    digits = np.full((count, 28, 28), 9, np.uint8)
    digits[:, 0, 0], digits[:, 0, 1] = np.divmod(np.arange(first, first + count), 200)
    digits[:, 0, :2] += 10
    return digits


@pytest.fixture
def folder(tmp_path):
    """600 training digits, plain, and 50 test digits, gzipped."""
    write_idx(tmp_path / "train-images-idx3-ubyte", numbered(600))
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", numbered(50, first=600))
    return tmp_path


def settings(folder, **changes) -> Sequences:
    return Sequences(digits=str(folder), **changes)


# === Motion ===


def test_motion_against_a_loop_over_plain_numbers():
    """Two coordinates, one that meets the far wall: 0.85, 0.95, 1 (clamped, turns), 0.9."""
    path = moving_mnist.trajectory(np.array([0.75, 0.5]), np.array([0.1, -0.02]), 4)
    np.testing.assert_allclose(path[:, 0], [0.85, 0.95, 1.0, 0.9])
    np.testing.assert_allclose(path[:, 1], [0.48, 0.46, 0.44, 0.42])
    start, velocity = np.random.default_rng(1).random((50, 2)), np.random.default_rng(2).normal(0, 0.1, (50, 2))
    path = moving_mnist.trajectory(start, velocity, 30)
    for n in range(50):
        for axis in range(2):
            x, v = start[n, axis], velocity[n, axis]
            for t in range(30):
                x += v
                if x <= 0:
                    x, v = 0.0, -v
                if x >= 1:
                    x, v = 1.0, -v
                assert path[t, n, axis] == pytest.approx(x, abs=1e-12)


def centroids(frames: np.ndarray) -> np.ndarray:
    """`(T, 64, 64, 1)` -> `(T, 2)`: y, x in px."""
    weights = frames[..., 0].astype(float)
    total = weights.sum((1, 2))
    places = np.arange(64)
    return np.stack([(weights.sum(2) @ places) / total, (weights.sum(1) @ places) / total], axis=-1)


@pytest.mark.parametrize(("speed", "least", "most"), [((0.1, 0.1), 3.6, 3.6), ((3 / 36, 5 / 36), 3.0, 5.0)])
def test_digits_keep_their_speed_between_bounces(monkeypatch, speed, least, most):
    """One digit alone: the centroid moves 3.6 px a frame (3 to 5), but for whole pixels, below 1 px each way."""
    monkeypatch.setattr(
        moving_mnist, "render", lambda digits, corners, draw=moving_mnist.render: draw(digits[:1], corners[:, :1])
    )
    digits, free = np.full((1, 28, 28), 200, np.uint8), []
    for k in range(40):
        frames = moving_mnist.sequence(digits, speed, 20, 1, np.random.default_rng(k))
        where = centroids(frames)
        corner = where - 13.5
        inside = ((corner > 0) & (corner < 35)).all(1)
        for t in range(16):
            if inside[t : t + 5].all():
                free.append(np.hypot(*(where[t + 4] - where[t])) / 4)
    assert len(free) > 50
    assert min(free) > least - 2**0.5 / 4 and max(free) < most + 2**0.5 / 4
    assert abs(np.mean(free) - (least + most) / 2) < 0.2


def test_overlap_shows_the_brighter_pixel():
    digits = np.stack([np.full((28, 28), 50, np.uint8), np.full((28, 28), 200, np.uint8)])
    frames = moving_mnist.render(digits, np.array([[[0, 0], [10, 20]], [[36, 36], [36, 36]]]))
    expected = np.zeros((2, 64, 64))
    expected[0, :28, :28] = 50
    expected[0, 10:38, 20:48] = 200
    expected[1, 36:, 36:] = 200
    np.testing.assert_array_equal(frames[..., 0], expected)


def test_step_leaves_frames_out(folder):
    every = MovingMNIST(settings(folder, frames=9), 10, 0).window("train", 3, 1)
    second = MovingMNIST(settings(folder, frames=5, step=2), 5, 0).window("train", 3, 1)
    np.testing.assert_array_equal(second, every[::2])


# === Digits and protocols ===


def shown(window: np.ndarray, first: int, count: int) -> set[int]:
    """Numbers of the digits of a window, among `count` from `first` on."""
    numbers = set()
    for k, digit in enumerate(numbered(count, first)):
        corner = digit[0, :2]
        pairs = (window[:, :, :-1, 0] == corner[0]) & (window[:, :, 1:, 0] == corner[1])
        if pairs.any():
            numbers.add(first + k)
    return numbers


def test_common_test_digits_are_unseen_in_training(folder):
    source = MovingMNIST(settings(folder), 10, 0)
    train = set().union(*(shown(source.window("train", i, 0), 0, 650) for i in range(5)))
    test = set().union(*(shown(source.window("test", i), 0, 650) for i in range(5)))
    assert 5 < len(train) and max(train) < 600 and 5 < len(test) and min(test) >= 600
    assert [source.windows(split) for split in moving_mnist.SPLITS] == [10_000] * 3
    assert "50 digits unseen in training, not mnist_test_seq.npy" in source.describe()


def test_test_file_alone_is_cut_in_three(tmp_path, caplog):
    write_idx(tmp_path / "t10k-images-idx3-ubyte", numbered(100))
    digits = mnist_digits.load(str(tmp_path))
    parts = [{tuple(digit[0, :2]) for digit in part} for part in (digits.train, digits.val, digits.test)]
    assert [len(part) for part in parts] == [70, 10, 20]
    assert len(set().union(*parts)) == 100
    assert "70 to train on, 10 for validation, 20 for the test" in caplog.text
    np.testing.assert_array_equal(mnist_digits.load(str(tmp_path)).test, digits.test)


def test_training_file_alone_needs_a_test_file(folder):
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(UserError, match="t10k-images-idx3-ubyte.*--data.test-file"):
        MovingMNIST(settings(folder), 10, 0)
    np.save(folder / "test.npy", np.zeros((20, 3, 64, 64), np.uint8))
    assert MovingMNIST(settings(folder, test_file=str(folder / "test.npy")), 10, 0).windows("test") == 3


def test_only_common_training_follows_epoch_and_seed(folder):
    a, b = (MovingMNIST(settings(folder), 10, seed) for seed in (0, 1))
    np.testing.assert_array_equal(a.window("train", 7, 2), MovingMNIST(settings(folder), 10, 0).window("train", 7, 2))
    assert (a.window("train", 7, 2) != a.window("train", 7, 3)).any()
    assert (a.window("train", 7, 2) != a.window("train", 8, 2)).any()
    assert (a.window("train", 7, 2) != b.window("train", 7, 2)).any()
    for split in ("val", "test"):
        np.testing.assert_array_equal(a.window(split, 7, 0), b.window(split, 7, 5))
    assert (a.window("val", 7) != a.window("train", 7, 0)).any()


def test_shi_has_500_digits_and_fixed_sequences(folder):
    a, b = (MovingMNIST(settings(folder, protocol="shi"), 10, seed) for seed in (0, 1))
    assert [a.windows(split) for split in moving_mnist.SPLITS] == [10_000, 2_000, 3_000]
    np.testing.assert_array_equal(a.window("train", 5, 0), a.window("train", 5, 9))
    assert (a.window("test", 5) != b.window("test", 5)).any()
    for split in moving_mnist.SPLITS:
        assert {tuple(d[0, :2]) for d in a.digits[split]} == {tuple(d[0, :2]) for d in a.digits["train"]}
    assert len({tuple(d[0, :2]) for d in a.digits["train"]}) == 500
    assert {tuple(d[0, :2]) for d in a.digits["train"]} != {tuple(d[0, :2]) for d in b.digits["train"]}
    assert "shi, seed 0" in a.describe()


def test_real_digits(shared_data):
    source = MovingMNIST(settings(shared_data / "mnist"), 10, 0)
    window = source.window("train", 0, 0)
    assert window.shape == (20, 64, 64, 1) and window.dtype == np.uint8
    assert 0.03 < (window > 0).mean() < 0.12  # a digit has about 100 to 150 inked pixels of 4,096
    assert all((frame > 200).any() for frame in window)
    digits = source.digits
    rows = {split: {d.tobytes() for d in digits[split]} for split in ("train", "val", "test")}
    assert (len(digits["train"]), len(digits["val"]), len(digits["test"])) == (7_000, 1_000, 2_000)
    assert not rows["train"] & rows["test"] and not rows["val"] & rows["test"] and not rows["train"] & rows["val"]


# === The fixed test file ===


def test_fixed_test_file(folder):
    stored = np.random.default_rng(0).integers(0, 256, (20, 6, 64, 64), dtype=np.uint8)
    np.save(folder / "mnist_test_seq.npy", stored)
    data = settings(folder, test_file=str(folder / "mnist_test_seq.npy"), frames=4, step=2)
    source = MovingMNIST(data, 3, 0)
    np.testing.assert_array_equal(source.window("test", 5)[..., 0], stored[0:14:2, 5])
    assert source.windows("test") == 6 and source.windows("val") == 10_000
    assert "6 sequences of" in source.describe() and "10,000" in source.describe()
    assert source.name("test", 5).endswith("mnist_test_seq.npy #5")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 20, 64, 64), np.uint8), "20 x N x 64 x 64, time first.*3 x 20 x 64 x 64"),
        (np.zeros((20, 3, 64, 64), np.float32), "uint8.*float32"),
        (np.zeros((20, 3, 32, 32), np.uint8), "32 x 32"),
        (np.zeros((20, 0, 64, 64), np.uint8), "no sequence"),
    ],
)
def test_wrong_test_files(folder, array, message):
    np.save(folder / "t.npy", array)
    with pytest.raises(UserError, match=message):
        MovingMNIST(settings(folder, test_file=str(folder / "t.npy")), 10, 0)


def test_unreadable_test_files(folder):
    (folder / "t.npy").write_bytes(b"no array")
    np.savez(folder / "t.npz", a=np.zeros(3))
    for name, message in (("t.npy", "cannot be read"), ("absent.npy", "is missing"), ("t.npz", "has no array with three axes")):
        with pytest.raises(UserError, match=message):
            MovingMNIST(settings(folder, test_file=str(folder / name)), 10, 0)
    np.save(folder / "t.npy", np.zeros((20, 3, 64, 64), np.uint8))
    with pytest.raises(UserError, match="must span 20 frames or fewer.*21"):
        MovingMNIST(settings(folder, test_file=str(folder / "t.npy")), 11, 0)
    with pytest.raises(UserError, match="common"):
        MovingMNIST(settings(folder, test_file=str(folder / "t.npy"), protocol="shi"), 10, 0)


# === Damaged digits ===


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_damaged_digits(tmp_path, name):
    write_idx(tmp_path / name, numbered(20), magic=0x801)
    with pytest.raises(UserError, match=f"{name}.*magic number must be 0x00000803. Received: 0x00000801"):
        mnist_digits.load(str(tmp_path))
    write_idx(tmp_path / name, numbered(20), missing=100)
    with pytest.raises(UserError, match=f"{name} is damaged: 20 pictures take 15,696 bytes. Received: 15,596"):
        mnist_digits.load(str(tmp_path))
    write_idx(tmp_path / name, numbered(20)[:, :14])
    with pytest.raises(UserError, match="28 x 28 pixels. Received: 14 x 28"):
        mnist_digits.load(str(tmp_path))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: 40 if name.endswith("gz") else 10])
    with pytest.raises(UserError, match=f"{name} (cannot be read|is damaged)"):
        mnist_digits.load(str(tmp_path))


def test_absent_digits(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="has neither"):
        mnist_digits.load(str(tmp_path))
    with pytest.raises(UserError, match="is not there"):
        mnist_digits.load(str(tmp_path / "absent"))
    write_idx(tmp_path / "t10k-images-idx3-ubyte", numbered(9))
    with pytest.raises(UserError, match="10 digits or more"):
        mnist_digits.load(str(tmp_path))
    write_idx(tmp_path / "train-images-idx3-ubyte", numbered(499))
    with pytest.raises(UserError, match="500 training digits. Received: 499"):
        MovingMNIST(settings(tmp_path, protocol="shi"), 10, 0)
    import keras

    def offline():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", offline)
    with pytest.raises(UserError, match="URL fetch failure.*--data.digits"):
        mnist_digits.load(None)
