"""Frames of each class, and the weights that classes have in the loss."""

import numpy as np

from videorec.config.dense import DenseData
from videorec.data.moments import windows
from videorec.data.moments.tables import DenseVideo, Segment
from videorec.data.moments.windows import Labelled
from videorec.features.videos import from_features

CLASSES = ("walk", "never", "sit")
VIDEO = DenseVideo("v", (Segment("walk", 0.2, 0.6), Segment("sit", 0.6, 9)), ambiguous=(Segment("Ambiguous", 0.8, 0.9),))


class NoFeatures:
    """Features as a store gives them."""

    shapes = {"rgb": (1,)}

    def read(self, video, view, start, stop):
        return {"rgb": np.zeros((stop - start, 1), np.float32)}


def labelled(*lengths: int) -> Labelled:
    data = DenseData(fps=10.0, frames=4, augment=False, workers=2)
    return Labelled([VIDEO] * len(lengths), lengths, CLASSES, data, single=True)


def test_frames_are_counted_within_the_videos():
    """walk on frames 2 to 5; sit from 6 on, without 8, which is ambiguous; 0 and 1 have no label."""
    assert windows.class_counts(labelled(10)).tolist() == [4, 0, 3]
    assert windows.class_counts(labelled(10, 4)).tolist() == [6, 0, 3]


def test_weights_of_classes_are_in_the_targets_of_the_loss_alone():
    videos, factors = labelled(10, 7), np.float32([0.5, 0, 3])
    plain, weighted = (
        windows.training(videos, from_features(videos, NoFeatures(), 1), 3, range(2), 5, ("steps", "probabilities"), given)
        for given in (None, factors)
    )
    seen = 0
    for (_, y, w), (_, y2, w2) in zip(plain.as_numpy_iterator(), weighted.as_numpy_iterator(), strict=True):
        np.testing.assert_array_equal(y2["steps"], y["steps"] * factors)
        np.testing.assert_array_equal(y2["probabilities"], y["probabilities"])
        for name in ("steps", "probabilities"):
            np.testing.assert_array_equal(w2[name], w[name])
        seen += y["steps"].sum()
    assert seen > 10
