"""Files of sequences: split, read in windows, scaled, and what is wrong with them."""

import logging

import cv2
import h5py
import numpy as np
import pytest
from grey_videos import frame_numbers, write_video

from videorec.config import UserError
from videorec.config.forecasting import Sequences
from videorec.data.sequences import files as sequences
from videorec.data.sequences import survey
from videorec.data.sequences.files import FileSequences


def settings(path, **changes) -> Sequences:
    return Sequences(path=str(path), **{"frames": 3, **changes})


def ramp(frames: int, first: int = 0, shape=(4, 5)) -> np.ndarray:
    """uint8: frame k is `first + k` everywhere, but 200 in its upper left corner."""
    array = np.zeros((frames, *shape), np.uint8) + np.arange(first, first + frames, dtype=np.uint8)[:, None, None]
    array[:, 0, 0] = 200
    return array


def marked(picture: np.ndarray, name: str) -> np.ndarray:
    picture[-1, -1] = ord(name)  # no two folders hold the same
    return picture


@pytest.fixture
def folder(tmp_path):
    """Five files of 12 to 16 frames; the frames of file k start at 20 k."""
    for k in range(5):
        np.save(tmp_path / f"{k}.npy", ramp(12 + k, 20 * k))
    return tmp_path


# === Windows and splits ===


def test_windows_of_files(folder):
    """5 frames a window: every start in training; in validation and test they share no frame."""
    source = FileSequences(settings(folder), 2, seed=0)
    assert source.shape == (4, 5, 1)
    files = source.files
    assert sorted(name for names in files.values() for name in names) == [f"{k}.npy" for k in range(5)]
    assert [len(files[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    lengths = {f"{k}.npy": 12 + k for k in range(5)}
    assert source.windows("train") == sum(lengths[name] - 4 for name in files["train"])
    assert source.windows("test") == lengths[files["test"][0]] // 5
    seen = []
    for index in range(source.windows("train")):
        name, start = source.name("train", index).split(" @")
        window = source.window("train", index)
        number = int(name.removesuffix(".npy"))
        assert window[:, 1, 1, 0].tolist() == [20 * number + int(start) + k for k in range(5)]
        assert (window[:, 0, 0] == 200).all()
        seen.append((number, int(start)))
    assert len(set(seen)) == len(seen) and {number for number, _ in seen} == {int(name[0]) for name in files["train"]}


def test_hops_and_step(folder):
    source = FileSequences(settings(folder, step=2, hop=3, test_hop=1), 2, seed=0)
    first = int(source.files["train"][0][0])
    assert source.window("train", 1)[:, 1, 1, 0].tolist() == [20 * first + 3 + 2 * k for k in range(5)]
    test = int(source.files["test"][0][0])
    assert source.windows("test") == 12 + test - 8  # 9 frames from first to last
    assert source.window("test", 1)[:, 1, 1, 0].tolist() == [20 * test + 1 + 2 * k for k in range(5)]


def test_seed_decides_the_split(folder):
    splits = [FileSequences(settings(folder), 2, seed).files for seed in (0, 0, 1, 2, 3)]
    assert splits[0] == splits[1] and any(split != splits[0] for split in splits[2:])


def test_shares_of_files():
    parts = sequences.split_units([str(k) for k in range(100)], 0.15, 0.2, 0)
    assert {name: len(units) for name, units in parts.items()} == {"train": 68, "val": 12, "test": 20}
    assert len(set().union(*parts.values())) == 100
    parts = sequences.split_units(["a", "b", "c"], 0.01, 0.99, 0)
    assert [len(parts[name]) for name in ("train", "val", "test")] == [1, 1, 1]
    with pytest.raises(UserError, match=r"3 or more are needed.*Received: 2 \(a, b\)"):
        sequences.split_units(["a", "b"], 0.15, 0.2, 0)


def test_folders_as_splits(tmp_path):
    for split, count in (("train", 3), ("val", 1), ("test", 2)):
        (tmp_path / split).mkdir()
        for k in range(count):
            np.save(tmp_path / split / f"{k}.npy", ramp(6, 10 * k + len(split)))
    files = FileSequences(settings(tmp_path), 2, 0).files
    assert files == {
        "train": ["train/0.npy", "train/1.npy", "train/2.npy"],
        "val": ["val/0.npy"],
        "test": ["test/0.npy", "test/1.npy"],
    }
    (tmp_path / "val/0.npy").unlink()
    with pytest.raises(UserError, match="val holds no sequences"):
        FileSequences(settings(tmp_path), 2, 0)
    (tmp_path / "val").rmdir()
    source = FileSequences(settings(tmp_path), 2, 0)
    assert len(source.files["train"]) == 2 and source.files["val"][0].startswith("train/")
    assert source.files["test"] == files["test"] and "val 1 windows of 1 file, taken from training: train/" in source.describe()


def test_one_file_of_many_sequences_is_split_by_sequence(tmp_path, caplog):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["vil"] = np.stack([ramp(7, 10 * n) for n in range(5)]).transpose(0, 2, 3, 1)  # N H W T
    source = FileSequences(settings(tmp_path / "a.h5", axes="NHWT"), 2, 0)
    assert [len(source.files[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    assert "neighbours may be alike" in caplog.text
    name = source.name("test", 0)
    number = int(name.split("#")[1].split()[0])
    assert source.window("test", 0)[:, 1, 1, 0].tolist() == [10 * number + k for k in range(5)]


# === Kinds of files ===


def test_folders_of_pictures(tmp_path):
    for name in "abc":
        for k in range(1, 13):  # 2 before 10
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{k}.png"), marked(np.full((6, 8), 10 * k, np.uint8), name))
    source = FileSequences(settings(tmp_path), 2, 0)
    assert source.shape == (6, 8, 1) and source.windows("train") == 8
    assert source.window("train", 7)[:, 0, 0, 0].tolist() == [80, 90, 100, 110, 120]
    cv2.imwrite(str(tmp_path / "b/5.png"), np.zeros((8, 6), np.uint8))
    with pytest.raises(UserError, match=r"must be alike, 6 x 8 x 1 uint8.*b/5\.png, 8 x 6 x 1 uint8"):
        FileSequences(settings(tmp_path), 2, 0)
    (tmp_path / "b/5.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"/b: 5\.png is not an image"):
        FileSequences(settings(tmp_path), 2, 0)


def test_colour_and_16_bit_pictures(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        for k in range(5):
            cv2.imwrite(str(tmp_path / name / f"{k}.png"), marked(np.full((6, 8, 3), (10, 20, 30), np.uint8), name))
    assert FileSequences(settings(tmp_path), 2, 0).window("train", 0)[0, 0, 0].tolist() == [30, 20, 10]
    for name in "abc":
        for k in range(5):
            cv2.imwrite(str(tmp_path / name / f"{k}.png"), marked(np.full((6, 8), 300, np.uint16), name))
    with pytest.raises(UserError, match="holds uint16.*--data.values"):
        FileSequences(settings(tmp_path), 2, 0)
    window = FileSequences(settings(tmp_path, values=(0, 1200)), 2, 0).window("train", 0)
    assert window.shape == (5, 6, 8, 1) and np.all(window[:, :-1] == np.float32(0.25))


def test_folders_of_videos(tmp_path):
    for k in range(3):
        write_video(tmp_path / f"{k}.avi", frames=11 + k)
    source = FileSequences(settings(tmp_path, step=2), 2, 0)
    assert source.shape == (48, 64, 3)
    number = int(source.files["train"][0][0])
    assert source.windows("train") == 11 + number - 8
    assert frame_numbers(source.window("train", 1)) == [1, 3, 5, 7, 9]
    (tmp_path / "3.avi").write_bytes(b"no video")
    with pytest.raises(UserError, match=r"3\.avi cannot be read as a video"):
        FileSequences(settings(tmp_path), 2, 0)


def test_thermal_recordings(shared_data):
    """Five recordings of 471 to 846 frames, 24 x 32, degrees Celsius: the window against the file itself."""
    source = FileSequences(settings(shared_data / "thermal", frames=10, values=(18, 40)), 10, 0)
    assert source.shape == (24, 32, 1) and [len(source.files[split]) for split in ("train", "val", "test")] == [3, 1, 1]
    name, start = source.name("test", 3).split(" @")
    frames = np.load(shared_data / "thermal" / name)["frames"].astype(np.float64)
    assert source.windows("test") == len(frames) // 20 and int(start) == 60
    np.testing.assert_allclose(source.window("test", 3)[..., 0], (frames[60:80] - 18) / 22, atol=1e-6)
    with pytest.raises(UserError, match=r"\.npz has values from 2[2-4]\.\d+ to 3\d\.\d+.*--data.values"):
        FileSequences(settings(shared_data / "thermal"), 10, 0)


# === Values ===


def test_values_are_scaled_clipped_counted_and_masked(tmp_path, caplog):
    array = np.full((3, 6, 4, 4), 10.0, np.float32)  # N T H W
    array[0, 0, 0, :3] = [-5, 35, np.nan]
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", array[n])
    source = FileSequences(settings(tmp_path, values=(0, 20), hop=1), 3, 0)
    assert "2 of 288 values lie outside 0 to 20 and are clipped" in caplog.text
    assert "1 of 288 values are NaN or infinite" in caplog.text
    split = next(split for split, names in source.files.items() if names == ["0.npy"])
    window = source.window(split, 0)
    assert window.dtype == np.float32
    np.testing.assert_array_equal(window[0, 0, :, 0], np.array([0, 1, np.nan, 0.5], np.float32))
    assert (window[1:] == 0.5).all()


def test_float_outside_the_unit_range(tmp_path):
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", np.full((6, 4, 4), 0.5))
    array = np.full((6, 4, 4), 0.5)
    array[5, 1, 1], array[0, 0, 0] = 3.25, np.nan
    np.save(tmp_path / "1.npy", array)
    with pytest.raises(UserError, match=r"1\.npy has values from 0.5 to 3.25.*--data.values LEAST MOST"):
        FileSequences(settings(tmp_path), 2, 0)


def test_large_data_is_looked_at_where_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "LOOKED_THROUGH", 0)
    for n in range(3):
        array = np.full((20, 4, 4), 0.5)
        array[19], array[19, 0, 0] = 7, n
        np.save(tmp_path / f"{n}.npy", array)
    source = FileSequences(settings(tmp_path), 2, 0)
    assert source.window("train", 14).max() == 0.5
    with pytest.raises(UserError, match="values from 0.5 to 7"):
        source.window("train", 15)


def test_size(folder):
    """Halved by area: 4 x 6 to 2 x 3, the means of 2 x 2 pixels."""
    array = np.random.default_rng(0).random((9, 4, 6)).astype(np.float32)
    for k in range(5):
        np.save(folder / f"{k}.npy", np.concatenate([array, np.full((1, 4, 6), 0.1 * k, np.float32)]))
    source = FileSequences(settings(folder, size=(2, 3)), 2, 0)
    expected = array[:5].reshape(5, 2, 2, 3, 2).mean((2, 4))
    assert source.shape == (2, 3, 1)
    np.testing.assert_allclose(source.window("train", 0)[..., 0], expected, atol=1e-6)
    assert FileSequences(settings(folder, size=(8, 8)), 2, 0).window("train", 0).shape == (5, 8, 8, 1)


# === What is wrong with files ===


def test_axes_unlike_the_array(folder):
    with pytest.raises(UserError, match=r"a letter for each axis.*NTHW for .*0\.npy, 12 x 4 x 5"):
        FileSequences(settings(folder, axes="NTHW"), 2, 0)


def test_a_short_time_axis_suggests_another_order(tmp_path):
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", np.zeros((4, 5, 40), np.uint8))
    with pytest.raises(UserError, match=r"has the 5 frames.*has 4\. Is time another axis\? Then --data.axes WHT"):
        FileSequences(settings(tmp_path), 2, 0)
    assert FileSequences(settings(tmp_path, axes="WHT"), 2, 0).shape == (5, 4, 1)


def test_short_sequences_are_skipped_and_counted(folder, caplog):
    np.save(folder / "short.npy", ramp(4))
    source = FileSequences(settings(folder), 2, 0)
    assert "1 sequences skipped, shorter than a window of 5 frames: short.npy" in caplog.text
    assert all("short.npy" not in names for names in source.files.values())
    with pytest.raises(UserError, match=r"No sequence.* has the 19 frames.*4\.npy, has 16\.$"):
        FileSequences(settings(folder), 16, 0)


def test_sizes_and_channels_that_differ(folder):
    np.save(folder / "4.npy", ramp(12, shape=(5, 5)))
    with pytest.raises(UserError, match=r"--data.size.*0\.npy: 4 x 5 x 1 and 4\.npy: 5 x 5 x 1"):
        FileSequences(settings(folder), 2, 0)
    assert FileSequences(settings(folder, size=(4, 4)), 2, 0).shape == (4, 4, 1)
    np.save(folder / "4.npy", np.zeros((12, 4, 5, 3), np.uint8))
    with pytest.raises(UserError, match="same channels"):
        FileSequences(settings(folder, size=(4, 4)), 2, 0)


def test_keys_of_npz(tmp_path):
    for n in range(3):
        np.savez(tmp_path / f"{n}.npz", frames=ramp(8, n), mask=ramp(8))
    with pytest.raises(UserError, match=r"several arrays: choose one.*frames \(8 x 4 x 5\), mask"):
        FileSequences(settings(tmp_path), 2, 0)
    with pytest.raises(UserError, match=r"no array --data.key frame\. It has: frames"):
        FileSequences(settings(tmp_path, key="frame"), 2, 0)
    assert FileSequences(settings(tmp_path, key="frames"), 2, 0).shape == (4, 5, 1)


def test_paths(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        sequences.find(str(tmp_path / "absent"))
    with pytest.raises(UserError, match="holds no sequences"):
        sequences.find(str(tmp_path))
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match=r"a\.txt, which is a file"):
        sequences.find(str(tmp_path / "a.txt"))
    with pytest.raises(UserError, match="local path"):
        sequences.find("s3://bucket/folder")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_damaged_arrays(tmp_path, name):
    (tmp_path / name).write_bytes(b"no array")
    with pytest.raises(UserError, match=f"{name} cannot be read"):
        FileSequences(settings(tmp_path), 2, 0)


def test_the_log_says_what_there_is(folder, caplog):
    with caplog.at_level(logging.INFO):
        source = FileSequences(settings(folder), 2, 0)
    assert source.describe() in caplog.text
    assert "windows of 3 + 2 frames, a start every 1 frames in training, every 5 otherwise" in source.describe()
