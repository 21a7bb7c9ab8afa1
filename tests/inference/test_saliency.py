"""Maps of gradients and their check by occlusion, on a network whose answer hangs on one place of one frame."""

import keras
import numpy as np
import pytest
from keras import layers

from videorec.inference import saliency
from videorec.layers import TimeDistributed

T, SIDE, GRID = 4, 16, 4
FRAME, ROW, COLUMN = 2, 1, 3  # what class 1 hangs on; class 0 on nothing
rng = np.random.default_rng(0)


def network(pooled: bool) -> keras.Model:
    """Frames -> a 4 x 4 map of their means -> a logit from one cell (or, pooled, from all cells of one frame)."""
    frame = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    x = layers.Rescaling(1 / 255)(frame)
    x = layers.AveragePooling2D(SIDE // GRID)(x)
    x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(x)  # (B, 4, 4, 1)
    x = layers.GlobalAveragePooling2D()(x) if pooled else x
    clip = keras.Input((T, SIDE, SIDE, 3), dtype="uint8", name="rgb")
    y = TimeDistributed(keras.Model(frame, x), name="rgb_backbone")(clip)
    logits = layers.Dense(2, use_bias=False, name="logits")(layers.Flatten()(y))
    steps = layers.Reshape((1, 2), name="steps")(logits)
    model = keras.Model({"rgb": clip}, {"steps": steps, "probabilities": layers.Softmax()(logits)})
    weights = np.zeros((T, 1 if pooled else GRID * GRID, 2), np.float32)
    weights[FRAME, 0 if pooled else ROW * GRID + COLUMN, 1] = 8.0
    model.get_layer("logits").set_weights([weights.reshape(-1, 2)])
    return model


@pytest.fixture(scope="module")
def clip() -> dict[str, np.ndarray]:
    frames = np.zeros((T, SIDE, SIDE, 3), np.uint8)
    frames[:, 4:8, 12:16] = 200  # the cell (1, 3) alone, in every frame
    return {"rgb": frames}


def test_the_map_is_the_product_of_activation_and_gradient(clip):
    """By hand: the logit is 8 A, so A dy/dA is 8 A at that one cell, A the sum of three channels of 200 / 255."""
    values = saliency.saliency(network(pooled=False), clip, 1)["rgb"]
    expected = np.zeros((T, GRID, GRID))
    expected[FRAME, ROW, COLUMN] = 8.0 * 3 * 200 / 255
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert not saliency.saliency(network(pooled=False), clip, 0)["rgb"].any()


def test_a_backbone_that_pools_is_looked_into(clip):
    """The mean over 16 cells: each cell of that frame has 8 A / 16."""
    values = saliency.saliency(network(pooled=True), clip, 1)["rgb"]
    cells = clip["rgb"][FRAME].reshape(GRID, 4, GRID, 4, 3).mean(axis=(1, 3)).sum(axis=-1) / 255
    np.testing.assert_allclose(values[FRAME], 8.0 * cells / 16, atol=1e-5)
    assert not np.delete(values, FRAME, axis=0).any()


def test_the_check_tells_a_map_from_decoration(clip):
    model = network(pooled=False)

    def predict(clips):
        return np.asarray(model.predict_on_batch(clips)["probabilities"])

    true = saliency.saliency(model, clip, 1)
    check = saliency.check(predict, clip, true, 1, draws=8, seed=0)
    assert check.says_something and check.beaten == 8 - sum(p == check.top for p in check.random)
    assert check.before == pytest.approx(float(predict({"rgb": clip["rgb"][None]})[0, 1]))
    elsewhere = {"rgb": np.roll(true["rgb"], 2, axis=0)}  # the same cell of a frame that says nothing
    assert not saliency.check(predict, clip, elsewhere, 1, draws=8, seed=0).says_something
    without = saliency.without_each_frame(predict, clip, 1)
    assert int(np.abs(without - check.before).argmax()) == FRAME


@pytest.mark.parametrize("shape", [(4, 5, 5), (3, 1, 1), (16, 7, 7)])
def test_a_tenth_is_masked(shape):
    values = rng.permutation(np.prod(shape)).reshape(shape).astype(np.float32)
    mask = saliency.masked_tenth(values)
    count = max(round(values.size / 10), 1)
    assert mask.sum() == count and set(values[mask]) == set(range(values.size - count, values.size))


def test_frames_without_masked_cells_stay_as_they_are():
    frames = rng.integers(0, 256, (3, 20, 30, 3), np.uint8)
    mask = np.zeros((3, 2, 3), bool)
    mask[1, 0, 2] = True
    out = saliency.occluded(frames, mask)
    assert (out[[0, 2]] == frames[[0, 2]]).all() and (out[1, :, :20] == frames[1, :, :20]).all()
    assert (out[1, 10:] == frames[1, 10:]).all() and out[1, :10, 20:].std() < frames[1, :10, 20:].std() / 3
