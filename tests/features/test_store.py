"""The feature store: what its key holds, and what it does with files that are damaged or cannot be written."""

import dataclasses
import os
import types
import typing

import numpy as np
import pytest
import tensorflow as tf
from grey_videos import write_video
from small_backbones import averages

from videorec.config import Data, Flow, UserError
from videorec.config.dense import DenseData
from videorec.data import augment, pipeline
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.moments.tables import DenseVideo
from videorec.data.moments.windows import pieces
from videorec.data.problems import Problems
from videorec.features.store import FeatureStore
from videorec.features.videos import view_of

SMALL = {"resize": (40, 40), "crop": (32, 32), "frames": 3, "fps": 5.0, "workers": 2}
SETTINGS = [Data(**SMALL), DenseData(**SMALL)]


@pytest.fixture(scope="module")
def backbone():
    return averages(32)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return Video(str(write_video(tmp_path_factory.mktemp("videos") / "v.avi", frames=10)), ("a",))


def make(tmp_path, backbone, data, seed=0):
    return FeatureStore(str(tmp_path / "cache"), data, backbone, seed)


# === The key ===


def changed(settings, name: str):
    """The settings with another valid value of one of them."""
    return dataclasses.replace(settings, **{name: _other(getattr(settings, name), typing.get_type_hints(type(settings))[name])})


def _other(value, hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        return next(option for option in typing.get_args(hint) if option != value)
    if typing.get_origin(hint) is tuple:
        if typing.get_args(hint)[1] is Ellipsis:
            return ("x",)
        return (0.0, 4095.0) if value is None else (_other(value[0], type(value[0])), *value[1:])
    return {bool: lambda: not value, int: lambda: (value or 1) + 1, float: lambda: (value or 1) / 2, str: lambda: f"{value}x"}[
        hint
    ]()


def names_of(settings) -> list[str]:
    return [field.name for field in dataclasses.fields(settings) if field.name != "flow"]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: type(settings).__name__)
def test_every_setting_is_in_the_key_or_named_with_its_reason(tmp_path, backbone, video, settings):
    store = make(tmp_path, backbone, settings)
    for name in names_of(settings):
        other = make(tmp_path, backbone, changed(settings, name))
        same = [other.path(video, view) == store.path(video, view) for view in (0, 1)]
        if name in settings.without_pixels:
            assert settings.without_pixels[name] and same == [True, True], name
        else:
            assert same == [name in settings.augmentation, False], name
    assert {*settings.augmentation, *settings.without_pixels} <= set(names_of(settings))
    assert make(tmp_path, backbone, settings, seed=1).path(video, 0) == store.path(video, 0)
    assert make(tmp_path, backbone, settings, seed=1).path(video, 1) != store.path(video, 1)


def test_stores_of_before_crops_had_an_aspect_serve_on():
    assert Data().augmentation_settings() == {"flip": True, "flip_vertical": False, "crop_scale": (0.6, 1.0), "color": 0.2}
    assert Data(crop_aspect=(1.0, 1.0)).augmentation_settings()["crop_aspect"] == (1.0, 1.0)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: type(settings).__name__)
def test_every_setting_of_flow_is_in_the_key_of_flow(tmp_path, backbone, settings):
    for stream in ("rgb", "flow"):
        plain = dataclasses.replace(settings, stream=stream)
        for field in dataclasses.fields(Flow):
            other = dataclasses.replace(plain, flow=changed(plain.flow, field.name))
            same = make(tmp_path, backbone, other).folder == make(tmp_path, backbone, plain).folder
            assert same == (stream == "rgb"), field.name


def views_of_clips(video, data: Data) -> list[np.ndarray]:
    reader, views = ClipReader(data, Problems(1, 0.0)), []
    for view in (0, 1):
        chosen = (video, (0, view, 7) if view else None)
        seed = augment.clip_seed(0, tf.constant(view), tf.constant(7))
        inputs, _ = pipeline.clip_in_graph(lambda chosen=chosen: chosen, [], reader, seed, tf.constant(not view))
        views.append(inputs["rgb"].numpy())
    return views


def views_of_videos(video, data: DenseData) -> list[np.ndarray]:
    piece = next(pieces(DenseVideo(video.path, ()), data, Problems(1, 0.0)))
    return [view_of(piece, view, 0, 7, data).numpy() for view in (0, 1)]


@pytest.mark.parametrize(
    ("settings", "views"), zip(SETTINGS, (views_of_clips, views_of_videos), strict=True), ids=["clips", "videos"]
)
def test_settings_outside_the_key_change_no_pixel(video, settings, views):
    plain, augmented = views(video, settings)
    assert plain.shape == augmented.shape and (plain != augmented).any()
    for name in (*settings.augmentation, *settings.without_pixels):
        if name == "frames":
            continue  # of a window; the pictures of a whole video are stored
        others = views(video, changed(settings, name))
        np.testing.assert_array_equal(others[0], plain, name)
        if name in settings.without_pixels:
            np.testing.assert_array_equal(others[1], augmented, name)


def test_the_key_holds_video_and_weights(tmp_path, backbone):
    path = write_video(tmp_path / "v.avi", frames=5)
    video, store = Video(str(path), ("a",)), make(tmp_path, backbone, SETTINGS[0])
    before = store.path(video, 0)
    assert store.path(dataclasses.replace(video, start=0.5), 0) != before
    os.utime(path, (1, 1))
    assert store.path(video, 0) != before
    weights = backbone.get_weights()
    try:
        backbone.set_weights([w + 1 for w in weights])
        assert make(tmp_path, backbone, SETTINGS[0]).folder != store.folder
    finally:
        backbone.set_weights(weights)


# === Files ===


def test_an_entry_with_other_outputs_is_none(tmp_path, backbone, video, caplog):
    store = make(tmp_path, backbone, SETTINGS[0])
    features = {"rgb": np.ones((3, 4), np.float32)}
    store.write(store.path(video, 0), features)
    np.testing.assert_array_equal(store.features(video, 0)["rgb"], features["rgb"])
    assert store.features(video, 1) is None and not caplog.text
    store.write(store.path(video, 0), {"rgb_0": features["rgb"], "rgb_1": features["rgb"]})
    assert store.features(video, 0) is None
    assert "outputs rgb_0, rgb_1 in place of rgb, made anew" in caplog.text


def test_reading_parses_no_python(tmp_path, monkeypatch):
    """Python 3.11's `ast` fails now and then in threads, and the pipeline reads in threads."""
    path = tmp_path / "x.zip"
    FeatureStore.write(path, {"rgb": np.ones((2, 3), np.float32)})

    def broken(*args, **kwargs):
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr("ast.parse", broken)
    np.testing.assert_array_equal(FeatureStore.read(path)["rgb"], 1)


def test_maps_beyond_float16_keep_their_range(tmp_path):
    large = np.full((2, 3, 3, 1), 1e6, np.float32)
    FeatureStore.write(tmp_path / "x.zip", {"rgb": large})
    np.testing.assert_array_equal(FeatureStore.read(tmp_path / "x.zip")["rgb"], large)


def test_a_cache_that_cannot_be_written(tmp_path, backbone, video, monkeypatch):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match=r"--train\.no-cache"):
        make(tmp_path, backbone, SETTINGS[0])
    (tmp_path / "cache").unlink()
    store = make(tmp_path, backbone, SETTINGS[0])

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.writestr", full)
    with pytest.raises(UserError, match="No space left on device"):
        store.write(store.path(video, 0), {"rgb": np.ones((3, 4), np.float32)})
    assert store.features(video, 0) is None and not list(store.folder.rglob("*.*"))
