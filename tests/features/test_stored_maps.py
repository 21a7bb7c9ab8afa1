"""Maps of whole videos, as a backbone that is trained from a layer on gives them: float16 where they fit."""

import shutil

import keras
import numpy as np
import pytest
from small_backbones import backbone

from videorec.config import UserError
from videorec.config.dense import DenseData
from videorec.data.moments.tables import DenseVideo
from videorec.features import videos as whole_videos
from videorec.features.videos import WholeFeatures

DATA = DenseData(fps=10.0, frames=4, resize=(8, 8), crop=(8, 8), workers=2)
VIDEO = DenseVideo("none.mp4", ())


@pytest.fixture
def store(tmp_path):
    """Maps of 4 x 4 x 3 and vectors of 3 numbers."""
    frame = keras.Input((8, 8, 3), dtype="uint8")
    x = keras.layers.AveragePooling2D(2)(keras.layers.Rescaling(1 / 255)(frame))
    network = backbone(frame, [x, keras.layers.GlobalAveragePooling2D()(x)])
    return WholeFeatures(str(tmp_path / "cache"), DATA, network, seed=7)


def numbers(frames: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(frames)
    maps = scale * rng.standard_normal((frames, 4, 4, 3))
    return {"rgb_0": maps.astype(np.float32), "rgb_1": rng.standard_normal((frames, 3)).astype(np.float32)}


def kinds(store, view: int) -> dict[str, int]:
    """Suffix and bytes of what is stored of a view."""
    index = store.path(VIDEO, view)
    return {path.suffix: path.stat().st_size for path in index.parent.glob(f"{index.stem}.rgb_0.*")}


def joined(pieces: list[dict]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def test_maps_are_float16_and_vectors_float32(store, monkeypatch):
    monkeypatch.setattr(whole_videos, "CONVERTED", 100)  # in many parts: 48 numbers a frame
    views = [[numbers(5), numbers(4)], [numbers(6, 3.0), numbers(3)]]
    assert store.write(VIDEO, 2, zip(*views, strict=True)) == 9
    for view, pieces in enumerate(views):
        whole, stored = joined(pieces), store.read(VIDEO, view, 0, 9)
        assert kinds(store, view) == {".f16": 9 * 48 * 2} and store.frames(VIDEO, view) == 9
        np.testing.assert_array_equal(stored["rgb_0"], whole["rgb_0"].astype(np.float16).astype(np.float32))
        np.testing.assert_array_equal(stored["rgb_1"], whole["rgb_1"])
        assert stored["rgb_0"].dtype == stored["rgb_1"].dtype == np.float32
        np.testing.assert_array_equal(store.read(VIDEO, view, 4, 7)["rgb_0"], stored["rgb_0"][4:7])


def test_the_disk_is_asked_for_what_is_written_on_the_way_too(store, tmp_path, monkeypatch):
    """2 views of videos of 30 and 20 frames: 48 numbers of 2 bytes and 3 of 4 each; of the longer one 4 bytes at first."""
    monkeypatch.setattr(whole_videos, "durations", lambda videos, data: {"a": 3.0, "b": 2.0})
    usage, needed = shutil.disk_usage(tmp_path), 2 * 50 * (48 * 2 + 3 * 4) + 2 * 30 * 48 * 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
    with pytest.raises(UserError, match="must have room for 16.6 kB.*--train.cache-views, or --model.trainable-from none"):
        store.make_room([DenseVideo("a", ()), DenseVideo("b", ())], 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    store.make_room([DenseVideo("a", ()), DenseVideo("b", ())], 2)


@pytest.mark.parametrize("large", [1e5, np.nan, np.inf])
def test_what_float16_cannot_hold_stays_float32(store, large):
    """Of one view alone, and in the second piece of it."""
    views = [[numbers(5), numbers(4)], [numbers(5), numbers(4)]]
    views[1][1]["rgb_0"][2, 1, 1, 0] = large
    store.write(VIDEO, 2, zip(*views, strict=True))
    assert [kinds(store, view) for view in (0, 1)] == [{".f16": 9 * 48 * 2}, {".f32": 9 * 48 * 4}]
    np.testing.assert_array_equal(store.read(VIDEO, 1, 0, 9)["rgb_0"], joined(views[1])["rgb_0"])
    store.write(VIDEO, 2, iter([[numbers(5)] * 2]))  # made anew: nothing of the former is left
    assert kinds(store, 1) == {".f16": 5 * 48 * 2} and store.frames(VIDEO, 1) == 5


def test_a_cut_file_is_no_entry(store):
    store.write(VIDEO, 1, iter([[numbers(5)]]))
    place = store.path(VIDEO).with_suffix(".rgb_0.f16")
    place.write_bytes(place.read_bytes()[:-2])
    assert store.frames(VIDEO) is None


def test_entries_of_float32_are_read_on(store):
    """As they were stored before."""
    whole = numbers(5)
    store.write(VIDEO, 1, iter([[whole]]))
    index = store.path(VIDEO)
    index.with_suffix(".rgb_0.f16").unlink()
    whole["rgb_0"].tofile(index.with_suffix(".rgb_0.f32"))
    assert store.frames(VIDEO) == 5
    np.testing.assert_array_equal(store.read(VIDEO, 0, 1, 5)["rgb_0"], whole["rgb_0"][1:])
