"""HDF5: tensorflow-io and h5py give the same arrays, and h5py takes over where tensorflow-io cannot."""

import threading

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.sequences import hdf5

SHAPE = (3, 6, 5, 7)
BLOCKS = (np.s_[1:2, 0:6, 0:5, 2:6], np.s_[0:3, 2:4, 0:5, 0:7], np.s_[2:3, 5:6, 4:5, 6:7])


def stored(dtype: str) -> np.ndarray:
    values = np.random.default_rng(0).integers(-100 if np.dtype(dtype).kind in "if" else 0, 120, SHAPE).astype(dtype)
    if values.dtype.kind == "f":
        values[0, 0, 0, 0] = np.nan
    return values


def write(path, others=(), **arrays):
    with h5py.File(path, "w") as file:
        for name, array in (*arrays.items(), *others):
            file[name] = array
    return path


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_both_readers_give_the_same_arrays(tmp_path, dtype):
    pytest.importorskip("tensorflow_io")
    values = stored(dtype)
    path = write(tmp_path / "a.h5", vil=values, id=np.array([b"x", b"y", b"z"]))
    arrays = [hdf5.open_array(path, None, tensorflow_io) for tensorflow_io in (True, False)]
    assert [array.reader for array in arrays] == ["tensorflow-io", "h5py"]
    for array in arrays:
        assert (array.name, array.shape, array.dtype) == (f"{path}:vil", SHAPE, np.dtype(dtype))
        for block in BLOCKS:
            read = array.read(block)
            assert read.dtype == values.dtype
            np.testing.assert_array_equal(read, values[block])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda file: file.create_dataset("x", data=stored("float16")), "type float16"),
        (lambda file: file.create_dataset("x", data=stored("int16").astype(">i2")), "type >i2"),
        (lambda file: file.create_dataset("x", data=stored("uint8"), compression="lzf"), "compressed with lzf"),
        (lambda file: file.update(x=stored("uint8"), clips=stored("uint8")[None]), "clips has 5 axes"),
        (lambda file: file.update(x=stored("uint8"), flags=np.zeros(3, bool)), "flags is of type bool"),
        (lambda file: file.update(x=stored("uint8"), link=h5py.SoftLink("/absent")), "links"),
    ],
    ids=["float16", "big-endian", "lzf", "five-axes", "enumeration", "dangling-link"],
)
def test_h5py_takes_over(tmp_path, caplog, make, reason):
    """tensorflow-io would fail on each of these, give wrong numbers, or end the process."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        make(file)
    with h5py.File(path) as file:
        expected = file["x"][BLOCKS[0]]
        assert reason in hdf5.refusal(file, hdf5.arrays_of(file), "x")
    array = hdf5.open_array(path, "x")
    assert array.reader == "h5py"
    np.testing.assert_array_equal(array.read(BLOCKS[0]), expected)


def test_gzip_groups_and_text_need_no_h5py(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        chunks = {"chunks": (1, 6, 5, 7), "compression": "gzip", "shuffle": True}
        file.create_dataset("radar/vil", data=stored("uint8"), **chunks)
        file.create_dataset("id", data=np.array(["a", "bc"], object), dtype=h5py.string_dtype())
    with h5py.File(path) as file:
        assert hdf5.refusal(file, hdf5.arrays_of(file), "radar/vil") is None
    for key in (None, "radar/vil", "/radar/vil"):
        np.testing.assert_array_equal(hdf5.open_array(path, key).read(BLOCKS[0]), stored("uint8")[BLOCKS[0]])


def test_without_tensorflow_io(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "_tensorflow_io", lambda: None)
    array = hdf5.open_array(write(tmp_path / "a.h5", x=stored("uint8")), None)
    assert array.reader == "h5py"
    np.testing.assert_array_equal(array.read(BLOCKS[1]), stored("uint8")[BLOCKS[1]])


def test_many_threads_and_files(tmp_path):
    paths = [write(tmp_path / f"{k}.h5", x=np.full(SHAPE, k, np.uint8)) for k in range(3)]
    arrays, wrong = [hdf5.open_array(path, None) for path in paths], []

    def read(seed):
        for k in np.random.default_rng(seed).integers(3, size=50):
            if not (arrays[k].read(BLOCKS[0]) == k).all():
                wrong.append(k)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_keys(tmp_path):
    path = write(tmp_path / "a.h5", vil=stored("uint8"), ir=stored("uint8"), time=np.arange(3))
    with pytest.raises(UserError, match=r"a\.h5 has no array --data.key vip. It has: ir \(3 x 6 x 5 x 7\), time \(3\), vil"):
        hdf5.open_array(path, "vip")
    with pytest.raises(UserError, match="several arrays: choose one with --data.key. It has: ir"):
        hdf5.open_array(path, None)
    with pytest.raises(UserError, match="no array with three axes or more. It has: time"):
        hdf5.open_array(write(tmp_path / "b.h5", time=np.arange(3)), None)
    assert hdf5.open_array(path, "ir").shape == SHAPE


def test_no_hdf5(tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    whole = write(tmp_path / "whole.h5", x=stored("float64")).read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("text.h5", "half.h5", "absent.h5"):
        with pytest.raises(UserError, match=f"{name} cannot be read as HDF5"):
            hdf5.open_array(tmp_path / name, None)


def test_damaged_chunk(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=stored("int32"), chunks=(1, 6, 5, 7), compression="gzip")
        chunk = file["x"].id.get_chunk_info(1)
    with open(path, "r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)
    array = hdf5.open_array(path, None)
    np.testing.assert_array_equal(array.read(np.s_[0:1, 0:6, 0:5, 0:7]), stored("int32")[:1])
    with pytest.raises(UserError, match=r"a\.h5 cannot be read"):
        array.read(np.s_[1:2, 0:6, 0:5, 0:7])
