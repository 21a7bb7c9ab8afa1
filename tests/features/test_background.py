"""Stored features of whole videos less their background."""

import cv2
import keras
import numpy as np
from small_backbones import averages

from videorec.config.dense import DenseData
from videorec.data import augment
from videorec.data.decode import Reader
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.problems import Problems
from videorec.features.videos import WholeFeatures, fill
from videorec.layers import BackgroundSubtraction
from videorec.models.split import split_whole_videos

DATA = DenseData(fps=10.0, frames=4, resize=(32, 32), crop=(24, 24), workers=2, color=0.0)


def test_the_background_is_that_of_the_whole_video(tmp_path):
    """In windows too, whatever pieces the video was read in: the median of all frames, not of those of a window."""
    folder, backbone = tmp_path / "noise", averages(24)
    folder.mkdir()
    for k in range(150):  # pieces of 64, 64, and 22
        picture = np.random.default_rng(k).integers(0, 256, (4, 4, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f"{k:03d}.png"), cv2.resize(picture, (32, 32), interpolation=cv2.INTER_NEAREST))
    video = DenseVideo(str(folder), (Segment("a", 0, 1),))
    x = BackgroundSubtraction(name="rgb_background")(backbone.output["rgb"])
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
        expected = raw - np.median(raw, axis=0)
        np.testing.assert_allclose(store.read(video, view, 70, 74)["rgb"], expected[70:74], atol=1e-6)
    frames = np.stack([retrieve()[..., ::-1] for retrieve in Reader(video.path, 10.0)])
    pictures = augment.cropped(frames, DATA)[None]  # the whole video through the whole model
    stored = store.read(video, 0, 0, 150)["rgb"][None]
    whole = model.predict({"rgb": pictures}, verbose=0)["steps"]
    np.testing.assert_allclose(head.predict({"rgb": stored}, verbose=0)["steps"], whole, atol=1e-5)
