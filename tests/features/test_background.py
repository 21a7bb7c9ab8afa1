"""Stored features of whole videos less their background."""

import cv2
import keras
import numpy as np
import pytest
from small_backbones import averages

from videorec.config.dense import DenseData
from videorec.data import augment
from videorec.data.decode import Reader
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.problems import Problems
from videorec.features.videos import WholeFeatures, fill
from videorec.layers import BackgroundSubtraction, RunningBackgroundSubtraction
from videorec.models.split import split_whole_videos

DATA = DenseData(fps=10.0, frames=4, resize=(32, 32), crop=(24, 24), workers=2, color=0.0)


def average(x):
    """`(T, ...)`, the running average over about 100 frames."""
    averages = [x[0]]
    for t in range(1, len(x)):
        averages.append(averages[-1] + (x[t] - averages[-1]) / min(t + 1, 100))
    return np.stack(averages)


@pytest.mark.parametrize(
    ("subtraction", "scene"),
    [
        (BackgroundSubtraction(name="rgb_background"), lambda x: np.median(x, axis=0)),
        (RunningBackgroundSubtraction(100, name="rgb_background"), average),
    ],
)
def test_the_background_is_that_of_the_whole_video(tmp_path, subtraction, scene):
    """In windows too, whatever pieces the video was read in: of all frames, or of all so far, not of those of a window."""
    folder, backbone = tmp_path / "noise", averages(24)
    folder.mkdir()
    for k in range(150):  # pieces of 64, 64, and 22
        picture = np.random.default_rng(k).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k:03d}.png"), cv2.resize(picture, (32, 32), interpolation=cv2.INTER_NEAREST))
    video = DenseVideo(str(folder), (Segment("a", 0, 1),))
    x = subtraction(backbone.output["rgb"])
    steps = keras.layers.GRU(2, return_sequences=True, name="gru")(x)
    model = keras.Model(backbone.input, {"steps": steps})
    for layer in backbone.layers:
        layer.trainable = False
    features, head = split_whole_videos(model)
    store, plain = (WholeFeatures(str(tmp_path / "cache"), DATA, network, seed=7) for network in (features, backbone))
    assert "background" in store.folder.name and store.folder.name != plain.folder.name
    for each, network in ((store, features), (plain, backbone)):
        fill(each, [video], 2, network, Problems(1, 0.0))
    for view in (0, 1):
        raw = plain.read(video, view, 0, 150)["rgb"]
        expected = raw - scene(raw)
        np.testing.assert_allclose(store.read(video, view, 70, 74)["rgb"], expected[70:74], atol=1e-6)
    frames = np.stack([retrieve()[..., ::-1] for retrieve in Reader(video.path, 10.0)])
    pictures = augment.cropped(frames, DATA)[None]  # the whole video through the whole model
    stored = store.read(video, 0, 0, 150)["rgb"][None]
    whole = model.predict({"rgb": pictures}, verbose=0)["steps"]
    np.testing.assert_allclose(head.predict({"rgb": stored}, verbose=0)["steps"], whole, atol=1e-5)


def test_each_scene_has_a_store_of_its_own(tmp_path):
    backbone = averages(24)
    for layer in backbone.layers:
        layer.trainable = False
    name, folders = "rgb_background", set()
    for subtraction in (BackgroundSubtraction(name=name), *(RunningBackgroundSubtraction(n, name=name) for n in (99, 100))):
        steps = keras.layers.GRU(2, return_sequences=True)(subtraction(backbone.output["rgb"]))
        features, _ = split_whole_videos(keras.Model(backbone.input, {"steps": steps}))
        folders.add(WholeFeatures(str(tmp_path), DATA, features, seed=7).folder)
    assert len(folders) == 3
