"""What in a clip an answer hangs on, by its gradients, and the check whether such a map says anything: occlusion.

The map is that of HiResCAM (Draelos and Carin 2020, arXiv 2011.08891), for every frame of a clip: with A the last feature map
of the backbone and y the logit of a class,

    M[t, i, j] = max(0, sum_c A[t, i, j, c] dy / dA[t, i, j, c])

so that the gradient comes back through the recurrent network, through time. A model that reads several maps has the sum.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import tree

from videorec.models.split import backbone_layers, cut, taps

Clip = dict[str, np.ndarray]  # {stream: (T, H, W, 3)} uint8
Predict = Callable[[Clip], np.ndarray]  # {stream: (N, T, H, W, 3)} -> (N, C) probabilities

SHARE = 0.1  # of a clip that is masked
BLUR = 6  # what is masked is blurred over this part of a frame's height


def saliency(model: keras.Model, clip: Clip, label: int) -> dict[str, np.ndarray]:
    """The map of a class, over the places and frames of each stream.

    Args:
        model: a recogniser with a backbone for each stream.
        clip: `{stream: (T, H, W, 3)}` uint8, as the model takes them.
        label: number of the class.

    Returns:
        `{stream: (T, h, w)}` float32, not negative, of the resolution of the backbone's map.
    """
    _, head = cut(model)
    fronts = {stream: _front(layer.layer) for stream, layer in backbone_layers(model).items()}
    maps = {stream: tree.flatten(front(clip[stream], training=False)) for stream, (front, _) in fronts.items()}
    with tf.GradientTape() as tape:
        tape.watch(maps)
        features = {}
        for stream, layer in backbone_layers(model).items():
            rest = fronts[stream][1]
            outputs = maps[stream] if rest is None else tree.flatten(rest(maps[stream][0], training=False))
            features |= {name: x[None] for name, x in zip(taps(stream, layer.output), outputs, strict=True)}
        answers = head(features, training=False)
        # The mean over the steps, and over streams; the logit, since the gradient of a probability near 1 is 0.
        logit = tf.add_n([tf.reduce_mean(x[0, :, label]) for name, x in answers.items() if name.endswith("steps")])
    gradients = tape.gradient(logit, maps)
    return {stream: _joined(maps[stream], gradients[stream]) for stream in maps}


def _front(backbone: keras.Model) -> tuple[keras.Model, keras.Model | None]:
    """A backbone up to its last map, and what comes after that (None where it ends there)."""
    outputs = tree.flatten(backbone.output)
    if len(outputs) > 1 or len(outputs[0].shape) == 4:
        return backbone, None
    last = next(layer.output for layer in reversed(backbone.layers) if len(layer.output.shape) == 4)
    return keras.Model(backbone.input, last), keras.Model(last, backbone.output)


def _joined(maps: list[tf.Tensor], gradients: list[tf.Tensor | None]) -> np.ndarray:
    """`(T, h, w)`: the contributions of all maps, at the finest of their resolutions."""
    shares = [
        tf.reduce_sum(a * g, axis=-1)[..., None].numpy()
        for a, g in zip(maps, gradients, strict=True)
        if g is not None and len(a.shape) == 4
    ]
    height, width = max((share.shape[1:3] for share in shares), key=np.prod)
    total = sum(
        tf.image.resize(share, (height, width)).numpy()[..., 0] * (share[0].size / (height * width)) for share in shares
    )
    return np.maximum(total, 0).astype(np.float32)


# === Occlusion ===


@dataclass(frozen=True)
class Check:
    """What masking a tenth of a clip does to the probability of a class.

    Attributes:
        before: of the whole clip.
        top: where the map is highest.
        random: the same number of places drawn at random, several times.
    """

    before: float
    top: float
    random: tuple[float, ...]

    @property
    def beaten(self) -> int:
        """How many of the random tenths change the answer less, on the scale of logits, which has no end."""
        change = np.abs(logits([self.top, *self.random]) - logits(self.before))
        return int((change[1:] < change[0]).sum())

    @property
    def says_something(self) -> bool:
        """Whether what the map points at changes the answer more than most of what it does not."""
        return self.beaten > len(self.random) / 2


def check(predict: Predict, clip: Clip, maps: dict[str, np.ndarray], label: int, draws: int, seed: int) -> Check:
    """Mask the tenth of a clip that a map is highest on, and random tenths.

    Args:
        maps: `{stream: (T, h, w)}`; their cells are what is masked. (T, 1, 1): whole frames.
        draws: of random tenths.
    """
    rng = np.random.default_rng(seed)
    tops = {stream: masked_tenth(values) for stream, values in maps.items()}
    masks = [tops] + [{stream: _moved(top, rng) for stream, top in tops.items()} for _ in range(draws)]
    clips = [clip, *({s: occluded(x, mask[s]) if s in mask else x for s, x in clip.items()} for mask in masks)]
    before, top, *random = _asked(predict, clips, label)
    return Check(before, top, tuple(random))


def _moved(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask elsewhere in the clip: of the same shape, for scattered places would change the frames in another way."""
    return np.roll(mask, rng.integers(mask.shape), axis=range(mask.ndim))


def masked_tenth(values: np.ndarray) -> np.ndarray:
    """`(T, h, w)` bool: the tenth of the cells with the highest values, one at least."""
    count = max(round(SHARE * values.size), 1)
    mask = np.zeros(values.size, bool)
    mask[np.argsort(-values, axis=None, kind="stable")[:count]] = True
    return mask.reshape(values.shape)


def occluded(frames: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Frames `(T, H, W, 3)` uint8 that are blurred beyond recognition where the mask `(T, h, w)` is true."""
    height, width = frames.shape[1:3]
    out = frames.copy()
    for frame, cells in zip(out, mask, strict=True):
        if cells.any():
            hidden = cv2.resize(cells.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)
            frame[hidden] = cv2.GaussianBlur(frame, (0, 0), max(height / BLUR, 1))[hidden]
    return out


def without_each_frame(predict: Predict, clip: Clip, label: int) -> np.ndarray:
    """`(T,)`: the probability of a class where one frame, of all streams of that length, is blurred beyond recognition."""
    length = max(len(frames) for frames in clip.values())
    each = np.eye(length, dtype=bool)[..., None, None]  # (T, T, 1, 1)
    clips = [{s: occluded(x, mask) if len(x) == length else x for s, x in clip.items()} for mask in each]
    return np.array(_asked(predict, clips, label))


def _asked(predict: Predict, clips: list[Clip], label: int, batch: int = 8) -> list[float]:
    parts = [clips[start : start + batch] for start in range(0, len(clips), batch)]
    answers = [predict({stream: np.stack([clip[stream] for clip in part]) for stream in part[0]}) for part in parts]
    return [float(p) for p in np.concatenate(answers)[:, label]]


def logits(p) -> np.ndarray:
    """The inverse of the sigmoid, of probabilities of any shape."""
    p = np.clip(np.asarray(p, np.float64), 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))
