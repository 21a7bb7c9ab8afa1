"""HDF5: what is read, which array, and what is refused before it is read."""

import random
import threading
import zlib

import h5py
import numpy as np
import pytest

from videorec.config import UserError
from videorec.data.sequences import hdf5
from videorec.storage import room

SHAPE = (3, 6, 5, 7)
BLOCKS = (np.s_[1:2, 0:6, 0:5, 2:6], np.s_[0:3, 2:4, 0:5, 0:7], np.s_[2:3, 5:6, 4:5, 6:7])


def stored(dtype: str) -> np.ndarray:
    values = np.random.default_rng(0).integers(-100 if np.dtype(dtype).kind in "if" else 0, 120, SHAPE).astype(dtype)
    if values.dtype.kind == "f":
        values[0, 0, 0, 0] = np.nan
    return values


def write(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", ">i2", "float16", "float32", "float64", "bool"])
def test_arrays_are_read_as_they_were_written(tmp_path, dtype):
    values = stored(dtype)
    path = write(tmp_path / "a.h5", vil=values, id=np.array([b"x", b"y", b"z"]))
    array = hdf5.open_array(path, None)
    assert (array.name, array.shape, array.dtype) == (f"{path}:vil", SHAPE, np.dtype(dtype))
    assert not array.masks and array.notes == ()
    for block in BLOCKS:
        read = array.read(block)
        assert read.dtype == values.dtype
        np.testing.assert_array_equal(read, values[block])


def test_groups_and_compression(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        chunks = {"chunks": (1, 6, 5, 7), "compression": "gzip", "shuffle": True}
        file.create_dataset("radar/vil", data=stored("uint8"), **chunks)
        file.create_dataset("id", data=np.array(["a", "bc"], object), dtype=h5py.string_dtype())
        file.create_dataset("five", data=stored("uint8")[None], compression="lzf")
    for key in ("radar/vil", "/radar/vil"):
        np.testing.assert_array_equal(hdf5.open_array(path, key).read(BLOCKS[0]), stored("uint8")[BLOCKS[0]])
    np.testing.assert_array_equal(hdf5.open_array(path, "five").read((slice(0, 1), *BLOCKS[1])), stored("uint8")[None, :, 2:4])


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


# === What leads out of the file ===


def virtual(file):
    layout = h5py.VirtualLayout(SHAPE, "u1")
    layout[:] = h5py.VirtualSource("other.h5", "x", SHAPE)
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("make", "key", "reason"),
    [
        (lambda file: file.update(x=h5py.ExternalLink("other.h5", "/x")), "x", "x is an external link, to /x of other.h5"),
        (lambda file: file.update(g=h5py.ExternalLink("other.h5", "/")), "g/x", "g is an external link, to / of other.h5"),
        (lambda file: file.update(x=h5py.SoftLink("/g/y")), "/x", "x is a soft link, to /g/y"),
        (
            lambda file: file.create_dataset("x", SHAPE, "u1", external=[("raw.bin", 0, 630)]),
            "x",
            r"x is kept in another file, raw\.bin \(external storage\)",
        ),
        (virtual, "x", "x is a virtual dataset"),
    ],
    ids=["external-link", "external-group", "soft-link", "external-storage", "virtual"],
)
def test_what_lies_in_other_files_is_refused(tmp_path, monkeypatch, make, key, reason):
    """Both other files are there and hold the array: it is not for want of them."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "other.h5", x=stored("uint8"))
    (tmp_path / "raw.bin").write_bytes(bytes(630))
    with h5py.File("a.h5", "w") as file:
        make(file)
    with pytest.raises(UserError, match=rf"an array that lies in .*a\.h5 itself. Received: {key}; {reason}"):
        hdf5.open_array(tmp_path / "a.h5", key)
    with pytest.raises(UserError, match=f"no array with three axes or more. It has: {reason.split()[0]}"):
        hdf5.open_array(tmp_path / "a.h5", None)


# === What is no array of numbers ===


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda file: file.create_dataset("x", (2, 2, 2), h5py.string_dtype()), "text"),
        (lambda file: file.create_dataset("x", data=np.full((2, 2, 2), b"abc")), "text"),
        (lambda file: file.create_dataset("x", (2, 2, 2), h5py.ref_dtype), "references"),
        (lambda file: file.create_dataset("x", (2, 2, 2), h5py.regionref_dtype), "references"),
        (lambda file: file.create_dataset("x", (2, 2, 2), h5py.vlen_dtype("u1")), "lists of various lengths"),
        (lambda file: file.create_dataset("x", (2, 2, 2), [("u", "f4"), ("v", "f4")]), "compounds of u, v"),
        (lambda file: file.create_dataset("x", (2, 2, 2), "c8"), "complex64"),
        (lambda file: file.create_dataset("x", (2, 2, 2), np.dtype("V4")), r"\|V4"),
    ],
    ids=["text", "bytes", "references", "regions", "lists", "compounds", "complex", "opaque"],
)
def test_arrays_of_other_things_are_refused(tmp_path, make, received):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        make(file)
    with pytest.raises(UserError, match=rf"a\.h5:x must hold real numbers. Received: {received}"):
        hdf5.open_array(tmp_path / "a.h5", "x")


def test_an_unknown_filter_is_named(tmp_path):
    path = tmp_path / "a.h5"
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((1, 6, 5, 7))
    plan.set_filter(32099, h5py.h5z.FLAG_OPTIONAL)  # no plugin has this number
    with h5py.File(path, "w") as file:
        h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(SHAPE), plan)
    with pytest.raises(UserError, match=r"a\.h5:x is compressed with filter 32099 \(unnamed\), which is not there"):
        hdf5.open_array(path, None)


# === What is not stored ===


def test_no_hdf5(tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    (tmp_path / "old.nc").write_bytes(b"CDF\x01" + bytes(100))
    whole = write(tmp_path / "whole.h5", x=stored("float64")).read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("text.h5", "half.h5", "absent.h5", "old.nc"):
        with pytest.raises(UserError, match=f"{name} (cannot be read as HDF5|is missing)"):
            hdf5.open_array(tmp_path / name, None)
    with pytest.raises(UserError, match="classic netCDF. Convert it first"):
        hdf5.open_array(tmp_path / "old.nc", None)


def test_more_claimed_than_stored(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("empty", (1000, 4000, 4000), "u1")
        file.create_dataset("sparse", (1000, 4000, 4000), "u1", chunks=(1, 4000, 4000), compression="gzip")[3] = 7
        file.create_dataset("gaps", SHAPE, "u1", chunks=(1, 6, 5, 7), fillvalue=9)[:2] = 1
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match=r"empty: its header claims 16 GB, and none of it was ever written"):
        hdf5.open_array(path, "empty")
    with pytest.raises(UserError, match=r"sparse: its header claims 16 GB in 1000 chunks, and 1 of them were ever written"):
        hdf5.open_array(path, "sparse")
    assert [note.text for note in hdf5.open_array(path, "gaps").notes] == ["1 of 3 chunks were never written and read as 9"]
    monkeypatch.setattr(room, "available", lambda: 100.0)
    with pytest.raises(UserError, match="chunk of .*gaps must fit in memory. It takes 210 bytes, of which 100 bytes are free"):
        hdf5.open_array(path, "gaps")


def test_a_header_that_claims_more_than_its_file(tmp_path):
    """The first axis of a plain array, 3, is made 3 x 2^40 in the header."""
    path = write(tmp_path / "a.h5", x=stored("uint8"))
    content = path.read_bytes()
    sizes = np.array(SHAPE, "<u8").tobytes()
    assert content.count(sizes) == 2  # now, and at most
    path.write_bytes(content.replace(sizes, np.array((3 << 40, *SHAPE[1:]), "<u8").tobytes()))
    with pytest.raises(UserError, match=r"a\.h5.*(invalid dataset size|claims 693 TB, and 630 bytes are stored)"):
        hdf5.open_array(path, None)


def test_chunks_that_unpack_to_more_than_they_are(tmp_path):
    """A compressed stream of 20 MB of zeros in place of a chunk of 210 bytes: HDF5 would unpack all of it, and say nothing."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", SHAPE, "u1", chunks=SHAPE, compression="gzip").id.write_direct_chunk(
            (0, 0, 0, 0), zlib.compress(bytes(20_000_000))
        )
    with pytest.raises(UserError, match=r"a\.h5:x: a chunk of 630 bytes must be stored in 1 to 4789 of"):
        hdf5.open_array(path, None)
    with h5py.File(path, "w") as file:  # nor less than its checksum, at which HDF5 ends the process
        x = file.create_dataset("x", SHAPE, "u1", chunks=SHAPE, compression="gzip", fletcher32=True)
        x.id.write_direct_chunk((0, 0, 0, 0), b"abc")
    with pytest.raises(UserError, match=r"a\.h5:x: a chunk of 630 bytes must be stored in 5 to 4789 of .* Received: 3 from"):
        hdf5.open_array(path, None)
    noise = np.random.default_rng(0).integers(0, 256, (40, 3, 5), dtype=np.uint8)  # which takes more when compressed
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=noise, chunks=(1, 3, 5), compression="gzip", shuffle=True, fletcher32=True)
    np.testing.assert_array_equal(hdf5.open_array(path, None).read(np.s_[0:40, 0:3, 0:5]), noise)


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


def test_damaged_files_are_read_or_refused(tmp_path):
    """Bytes changed, a run of them overwritten, or the end cut off: a UserError or an array of the shape that it says."""
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.create_dataset("g/x", data=stored("uint8"), chunks=(1, 6, 5, 7), compression="gzip", fletcher32=True)
        file["g/x"].attrs["_FillValue"] = np.uint8(3)
    whole, refused = (tmp_path / "whole.h5").read_bytes(), 0
    for seed in range(10):
        draw, content = random.Random(seed), bytearray(whole)
        place = draw.randrange(len(whole))
        if seed % 3 == 0:
            content = content[:place]
        for k in range(len(content) if seed % 3 == 1 else 0):
            content[k] = draw.choice([content[k]] * 50 + [0, 255])
        content[place : place + 64] = bytes(len(content[place : place + 64]))
        path = tmp_path / f"{seed}.h5"
        path.write_bytes(content)
        try:
            array = hdf5.open_array(path, None)
            assert array.read(tuple(slice(0, size) for size in array.shape)).shape == array.shape
        except UserError as error:
            refused += 1
            assert path.name in str(error)
    assert refused >= 5
