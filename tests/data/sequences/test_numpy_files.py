""".npy and .npz: what a header claims beside what is there."""

import io
import random
import zipfile

import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.sequences import numpy_files
from videorec.storage import room

ARRAY = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)


def header(shape: str, dtype: str = "|u1") -> bytes:
    """Of .npy 1.0, written by hand."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def zipped(path, content: bytes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    return path


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", ["a.npy", "plain.npz", "packed.npz"])
def test_arrays_are_read_as_they_were_written(tmp_path, name, order):
    array = np.array(ARRAY.astype(">f4"), order=order)
    save = {"a.npy": np.save, "plain.npz": np.savez, "packed.npz": np.savez_compressed}[name]
    save(tmp_path / name, array)
    stored = numpy_files.load(tmp_path / name, None)
    assert stored.notes == () and stored.array.dtype == array.dtype
    np.testing.assert_array_equal(stored.array, array)


@pytest.mark.parametrize("shape", ["(16000000, 1000, 1000)", "(6, 4, 6)", "(4294967296, 4294967296, 4)", "(-1, 4, 5)"])
def test_more_claimed_than_stored(tmp_path, shape):
    content = header(shape) + ARRAY.tobytes()
    (tmp_path / "a.npy").write_bytes(content)
    for path in (tmp_path / "a.npy", zipped(tmp_path / "a.npz", content)):
        with pytest.raises(
            UserError, match=rf"{path.name}.*(and \d+ bytes are stored: it is damaged|its shape is \(-1, 4, 5\))"
        ):
            numpy_files.load(path, None)


def test_more_than_fits_in_memory(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((100, 10, 10)))
    monkeypatch.setattr(room, "available", lambda: 1000.0)
    with pytest.raises(UserError, match=r"a\.npz:x must fit in memory. It takes 80.1 kB, of which 1 kB are free"):
        numpy_files.load(tmp_path / "a.npz", None)


def test_only_the_array_that_is_wanted_is_read(tmp_path):
    """Another one may be of Python objects, or larger than memory."""
    np.savez(tmp_path / "a.npz", frames=ARRAY, meta=np.array([{}], object))
    np.testing.assert_array_equal(numpy_files.load(tmp_path / "a.npz", None).array, ARRAY)
    with pytest.raises(UserError, match=r"a\.npz:meta must hold real numbers. Received: Python objects"):
        numpy_files.load(tmp_path / "a.npz", "meta")


def test_what_follows_the_array_is_named(tmp_path):
    """np.save twice into one file: NumPy reads the first array and says nothing of the second."""
    with open(tmp_path / "a.npy", "wb") as file:
        np.save(file, ARRAY)
        np.save(file, ARRAY)
    stored = numpy_files.load(tmp_path / "a.npy", None)
    np.testing.assert_array_equal(stored.array, ARRAY)
    assert [note.text[:48] for note in stored.notes] == ["248 bytes follow the array and are not read (one"]


def test_damaged_files_are_read_or_refused(tmp_path):
    """Ten files with bytes changed or the end cut off; a changed pixel of .npy cannot be seen, one of .npz is (checksum)."""
    whole = {}
    for suffix, save in ((".npy", np.save), (".npz", np.savez_compressed)):
        save(memory := io.BytesIO(), ARRAY)
        whole[suffix] = memory.getvalue()
    refused = 0
    for seed in range(10):
        draw, suffix = random.Random(seed), (".npy", ".npz")[seed % 2]
        content = bytearray(whole[suffix])
        for _ in range(3):
            content[draw.randrange(min(len(content), 128))] = draw.randrange(256)
        path = tmp_path / f"{seed}{suffix}"
        path.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
        try:
            assert isinstance(numpy_files.load(path, None).array, np.ndarray)
        except UserError as error:
            refused += 1
            assert path.name in str(error)
    assert refused >= 7
