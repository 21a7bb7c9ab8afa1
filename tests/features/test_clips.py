"""Features of clips: computed once, exact, and made anew where they are damaged."""

import shutil
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from grey_videos import write_video
from small_backbones import averages, backbone

from videorec.config import Data, UserError
from videorec.data import pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.features import clips
from videorec.features.store import FeatureStore

DATA = Data(frames=3, resize=(40, 40), crop=(32, 32), workers=2)


@pytest.fixture(scope="module")
def cnn():
    return averages(32)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    (folder / "bad.mp4").write_bytes(b"text")
    written = [write_video(folder / f"{i}.avi", frames=10 + i) for i in range(3)]
    return [Video(str(path), ("a",)) for path in (*written, folder / "bad.mp4")]


def fill(store, videos, cnn, views=2, problems=None):
    reader = ClipReader(DATA, problems or Problems(len(videos), 1.0))
    return clips.fill(store, videos, views, cnn, reader, batch=4, seed=0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, cnn, videos):
    """The store of the two views of each video, the last of which cannot be read; with what `fill` gave, and the problems."""
    problems = Problems(4, 0.5)
    store = FeatureStore(str(tmp_path_factory.mktemp("cache")), DATA, cnn, seed=0)
    return store, fill(store, videos, cnn, problems=problems), problems


def plain_of(video) -> np.ndarray:
    """`(1, T, 32, 32, 3)`, the centre of its plain clip."""
    return next(ClipReader(DATA, Problems(1, 1.0)).plain_clips(video, 1))["rgb"][None, :, 4:36, 4:36]


def test_computed_once_and_exact(filled, videos, cnn):
    store, counts, _ = filled
    assert counts == (0, 8) and fill(store, videos[:3], cnn) == (6, 0)
    expected = keras.ops.convert_to_numpy(cnn({"rgb": plain_of(videos[1])})["rgb"])[0]
    np.testing.assert_allclose(store.features(videos[1], 0)["rgb"], expected, atol=1e-6)
    assert np.abs(store.features(videos[1], 1)["rgb"] - expected).max() > 1e-4  # augmented


def test_views_take_turns(filled, videos):
    store, *_ = filled
    load = clips.load_features(store, videos, 2, {"rgb": (3, 4)})
    for epoch in range(3):
        for index in range(3):
            got, readable = load(tf.constant(index, tf.int64), tf.constant(epoch, tf.int64))
            np.testing.assert_array_equal(got["rgb"], store.features(videos[index], (epoch + index) % 2)["rgb"])
            assert readable == 1


def test_unreadable_videos_are_not_stored(filled, videos, cnn):
    store, _, problems = filled
    assert set(problems.unreadable) == {videos[3].name}
    assert not store.path(videos[3], 0).exists()
    got, readable = clips.load_features(store, videos, 2, {"rgb": (3, 4)})(tf.constant(3, tf.int64), tf.constant(0, tf.int64))
    assert readable == 0 and not got["rgb"].numpy().any()
    with pytest.raises(UserError, match="1 of 4 videos cannot be read"):
        fill(store, videos, cnn, problems=Problems(4, 0.1))


def test_training_on_features_uses_the_pipeline(filled, videos):
    store, *_ = filled
    load = clips.load_features(store, videos, 2, {"rgb": (3, 4)})
    (x, _, w), _ = list(pipeline.training(videos[:3], ("a", "b"), DATA, load, 2, range(1), 0).as_numpy_iterator())
    assert x["rgb"].shape == (2, 3, 4) and w["steps"].tolist() == [1, 1]


def test_every_number_of_half_precision_is_converted_exactly():
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    known = ~np.isnan(halves)
    got = clips.as_float32(tf.constant(halves.view(np.uint8)), (65536,)).numpy()
    np.testing.assert_array_equal(got[known].view(np.uint32), halves[known].astype(np.float32).view(np.uint32))
    assert np.isnan(got[~known]).all()


def opened(monkeypatch) -> list:
    """The entries that are read from here on."""
    read, places = FeatureStore.read, []
    monkeypatch.setattr(FeatureStore, "read", staticmethod(lambda path: places.append(path) or read(path)))
    return places


def test_what_is_stored_is_not_opened_before_it_is_wanted(filled, videos, cnn, monkeypatch):
    store, *_ = filled
    places = opened(monkeypatch)
    assert fill(store, videos[:3], cnn) == (6, 0) and places == []
    clips.load_features(store, videos, 2, {"rgb": (3, 4)})(tf.constant(1, tf.int64), tf.constant(0, tf.int64))
    assert places == [store.path(videos[1], 1)]


def test_damage_ends_training_and_is_made_anew_at_the_next_start(filled, videos, cnn, monkeypatch, caplog):
    store, *_ = filled
    paths = [store.path(video, 0) for video in videos[:3]]
    intact = [store.read(path) for path in paths]
    content = bytearray(paths[1].read_bytes())
    content[-150] ^= 1  # one bit within the array: the file still opens
    paths[0].write_bytes(paths[0].read_bytes()[: len(content) // 2])
    paths[1].write_bytes(content)
    paths[2].write_bytes(b"")
    assert fill(store, videos[:3], cnn) == (6, 0)
    one = videos[1:2]
    batches = pipeline.training(one, ("a",), DATA, clips.load_features(store, one, 1, {"rgb": (3, 4)}), 1, range(1), 0)
    with pytest.raises(UserError, match=r"\.zip of the feature cache is damaged. The same command"), pipeline.own_errors(store):
        list(batches)
    again = FeatureStore(str(store.folder.parent), DATA, cnn, seed=0)
    assert fill(again, videos[:3], cnn) == (3, 3)  # all that are damaged
    assert all(f"damaged cache entry, made anew: {path}" in caplog.text for path in paths)
    for path, before in zip(paths, intact, strict=True):
        np.testing.assert_array_equal(store.read(path)["rgb"], before["rgb"])
    places = opened(monkeypatch)
    assert fill(FeatureStore(str(store.folder.parent), DATA, cnn, seed=0), videos[:3], cnn) == (6, 0) and places == []


def test_several_taps_and_maps(tmp_path, videos, monkeypatch):
    frame = keras.Input((32, 32, 3), dtype="uint8")
    low = keras.layers.Conv2D(4, 3, strides=4, name="low")(keras.layers.Rescaling(1 / 255)(frame))
    high = keras.layers.GlobalAveragePooling2D(name="high")(low)
    both = backbone(frame, [low, high])
    store = FeatureStore(str(tmp_path), DATA, both, seed=0)
    needed = 3 * 8 * 8 * 4 * 2 + 3 * 4 * 4  # bytes of maps in half precision and of vectors, of 3 frames
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: types.SimpleNamespace(free=needed - 1))
    with pytest.raises(
        UserError, match=r"must have room for 1.58 kB; 1.58 kB are free.*--train.no-cache, or store less: fewer --train.cache-v"
    ):
        fill(store, videos[1:2], both, views=1)
    monkeypatch.undo()
    fill(store, videos[1:2], both, views=1)
    expected = keras.tree.map_structure(lambda x: keras.ops.convert_to_numpy(x)[0], both({"rgb": plain_of(videos[1])}))
    stored = store.features(videos[1], 0)
    np.testing.assert_allclose(stored["rgb_0"], expected["rgb_0"], atol=1e-3)  # a map: float16
    np.testing.assert_allclose(stored["rgb_1"], expected["rgb_1"], atol=1e-6)
    load = clips.load_features(store, videos, 1, {"rgb_0": (3, 8, 8, 4), "rgb_1": (3, 4)})
    got, _ = load(tf.constant(1, tf.int64), tf.constant(0, tf.int64))
    np.testing.assert_array_equal(got["rgb_0"], stored["rgb_0"])
    np.testing.assert_array_equal(got["rgb_1"], stored["rgb_1"])
    assert FeatureStore(str(tmp_path), DATA, backbone(frame, [high]), seed=0).folder != store.folder  # same weights
