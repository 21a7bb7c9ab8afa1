"""The feature cache: computed once, exact, and safe against damage."""

import os

import keras
import numpy as np
import pytest
from grey_videos import write_video

from videorec.config import Data, UserError
from videorec.data import pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.features import clips as features
from videorec.features import store
from videorec.layers import TimeDistributed

DATA = Data(frames=3, resize=(40, 40), crop=(32, 32), workers=2)


@pytest.fixture(scope="module")
def backbone():
    frame = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Conv2D(4, 3, strides=8)(keras.layers.Rescaling(1 / 255)(frame))
    cnn = keras.Model(frame, keras.layers.GlobalAveragePooling2D()(x))
    frames = keras.Input((None, 32, 32, 3), dtype="uint8", name="rgb")
    return keras.Model({"rgb": frames}, {"rgb": TimeDistributed(cnn, name="rgb_backbone")(frames)})


@pytest.fixture
def videos(tmp_path):
    return [Video(str(write_video(tmp_path / f"{i}.avi", frames=10 + i)), ("a",)) for i in range(3)]


def make(tmp_path, backbone, data=DATA):
    return store.FeatureStore(str(tmp_path / "cache"), data, backbone, seed=0)


def fill(store, videos, backbone, views=2, problems=None):
    reader = ClipReader(DATA, problems or Problems(len(videos), 1.0))
    return features.fill(store, videos, views, backbone, reader, batch=4, seed=0)


def test_computed_once_and_exact(tmp_path, videos, backbone):
    store = make(tmp_path, backbone)
    assert fill(store, videos, backbone) == (0, 6)
    assert fill(store, videos, backbone) == (6, 0)
    plain = next(ClipReader(DATA, Problems(1, 1.0)).plain_clips(videos[1], 1))["rgb"][None, :, 4:36, 4:36]
    expected = keras.ops.convert_to_numpy(backbone({"rgb": plain})["rgb"])[0]
    np.testing.assert_allclose(store.read(store.path(videos[1], 0))["rgb"], expected, atol=1e-6)
    assert np.abs(store.read(store.path(videos[1], 1))["rgb"] - expected).max() > 1e-4  # augmented


def test_views_take_turns(tmp_path, videos, backbone):
    store = make(tmp_path, backbone)
    fill(store, videos, backbone)
    load = features.load_features(store, videos, 2, {"rgb": (3, 4)})
    import tensorflow as tf

    for epoch in range(3):
        for index in range(3):
            got, readable = load(tf.constant(index, tf.int64), tf.constant(epoch, tf.int64))
            np.testing.assert_array_equal(got["rgb"], store.read(store.path(videos[index], (epoch + index) % 2))["rgb"])
            assert readable == 1


def test_damaged_entries_are_made_anew(tmp_path, videos, backbone, caplog):
    store = make(tmp_path, backbone)
    fill(store, videos, backbone)
    intact = [store.read(store.path(video, 0)) for video in videos]
    content = store.path(videos[0], 0).read_bytes()
    store.path(videos[0], 0).write_bytes(content[: len(content) // 2])
    data = bytearray(store.path(videos[1], 0).read_bytes())
    data[-150] ^= 1  # one bit within the array: the file still opens
    store.path(videos[1], 0).write_bytes(data)
    store.path(videos[2], 0).write_bytes(b"")
    assert fill(store, videos, backbone) == (3, 3)
    assert caplog.text.count("damaged cache entry") == 3
    for video, before in zip(videos, intact, strict=True):
        np.testing.assert_array_equal(store.read(store.path(video, 0))["rgb"], before["rgb"])


def test_key_holds_what_matters(tmp_path, videos, backbone):
    store = make(tmp_path, backbone)
    for name, value in {"frames": 4, "sampling": "dense", "fps": 5.0, "resize": (48, 48), "crop": (24, 24)}.items():
        assert make(tmp_path, backbone, Data(**{**DATA.__dict__, name: value})).folder != store.folder, name
    assert make(tmp_path, backbone, Data(**{**DATA.__dict__, "workers": 1})).folder == store.folder
    flipless = make(tmp_path, backbone, Data(**{**DATA.__dict__, "flip": False}))
    assert flipless.path(videos[0], 0) == store.path(videos[0], 0)
    assert flipless.path(videos[0], 1) != store.path(videos[0], 1)
    before = store.path(videos[0], 0)
    os.utime(videos[0].path, (1, 1))
    assert store.path(videos[0], 0) != before
    assert store.path(Video(videos[0].path, ("a",), start=0.5), 0) != store.path(videos[0], 0)
    weights = backbone.get_weights()
    try:
        backbone.set_weights([w + 1 for w in weights])
        assert make(tmp_path, backbone).folder != store.folder
    finally:
        backbone.set_weights(weights)


def test_unreadable_videos_are_not_stored(tmp_path, videos, backbone):
    import tensorflow as tf

    (tmp_path / "bad.mp4").write_bytes(b"text")
    videos = [*videos, Video(str(tmp_path / "bad.mp4"), ("a",))]
    store, problems = make(tmp_path, backbone), Problems(4, 0.5)
    fill(store, videos, backbone, problems=problems)
    assert len(problems.unreadable) == 1
    assert not store.path(videos[3], 0).exists()
    _, readable = features.load_features(store, videos, 2, {"rgb": (3, 4)})(tf.constant(3, tf.int64), tf.constant(0, tf.int64))
    assert readable == 0
    with pytest.raises(UserError, match="1 of 4 videos cannot be read"):
        fill(store, videos, backbone, problems=Problems(4, 0.1))


def test_a_cache_that_cannot_be_written(tmp_path, videos, backbone, monkeypatch):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"--train\.no-cache"):
        make(tmp_path, backbone)
    (tmp_path / "cache").unlink()
    store = make(tmp_path, backbone)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features, "_write_zip", full)
    with pytest.raises(UserError, match="No space left on device"):
        fill(store, videos, backbone)
    assert not list(store.folder.rglob("*.tmp"))


def test_training_on_features_uses_the_pipeline(tmp_path, videos, backbone):
    store = make(tmp_path, backbone)
    fill(store, videos, backbone)
    load = features.load_features(store, videos, 2, {"rgb": (3, 4)})
    (x, _, w), _ = list(pipeline.training(videos, ("a", "b"), DATA, load, 2, range(1), 0).as_numpy_iterator())
    assert x["rgb"].shape == (2, 3, 4) and w["steps"].tolist() == [1, 1]


def test_several_taps_and_maps(tmp_path, videos):
    frame = keras.Input((32, 32, 3), dtype="uint8")
    low = keras.layers.Conv2D(4, 3, strides=4, name="low")(keras.layers.Rescaling(1 / 255)(frame))
    high = keras.layers.GlobalAveragePooling2D(name="high")(low)
    frames = keras.Input((None, 32, 32, 3), dtype="uint8", name="rgb")

    def backbone(outputs):
        cnn = keras.Model(frame, outputs)
        tensors = TimeDistributed(cnn, name="rgb_backbone")(frames)
        tensors = tensors if isinstance(tensors, list) else [tensors]
        return keras.Model({"rgb": frames}, {f"rgb_{i}": x for i, x in enumerate(tensors)})

    both = backbone([low, high])
    store = make(tmp_path, both)
    fill(store, videos, both)
    plain = next(ClipReader(DATA, Problems(1, 1.0)).plain_clips(videos[1], 1))["rgb"][None, :, 4:36, 4:36]
    expected = keras.tree.map_structure(lambda x: keras.ops.convert_to_numpy(x)[0], both({"rgb": plain}))
    stored = store.read(store.path(videos[1], 0))
    np.testing.assert_allclose(stored["rgb_0"], expected["rgb_0"], atol=1e-3)  # a map: float16
    np.testing.assert_allclose(stored["rgb_1"], expected["rgb_1"], atol=1e-6)
    load = features.load_features(store, videos, 2, {"rgb_0": (3, 8, 8, 4), "rgb_1": (3, 4)})
    (x, *_), _ = list(pipeline.training(videos, ("a", "b"), DATA, load, 2, range(1), 0).as_numpy_iterator())
    assert x["rgb_0"].shape == (2, 3, 8, 8, 4) and x["rgb_1"].shape == (2, 3, 4)
    assert make(tmp_path, backbone([high])).folder != store.folder  # same weights, other taps


def test_reading_parses_no_python(tmp_path, monkeypatch):
    """Python 3.11's `ast` fails now and then in threads, and the pipeline reads in threads."""
    path = tmp_path / "x.zip"
    store.FeatureStore.write(path, {"rgb": np.ones((2, 3), np.float32)})

    def broken(*args, **kwargs):
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr("ast.parse", broken)
    np.testing.assert_array_equal(store.FeatureStore.read(path)["rgb"], 1)


def test_maps_beyond_float16_keep_their_range(tmp_path):
    large = np.full((2, 3, 3, 1), 1e6, np.float32)
    store.FeatureStore.write(tmp_path / "x.zip", {"rgb": large})
    np.testing.assert_array_equal(store.FeatureStore.read(tmp_path / "x.zip")["rgb"], large)
