"""`MultipleOutput`: every step predicts the last N frames; a frame's logits are the mean over the steps that predicted it."""

import itertools

import keras
import numpy as np
from keras import ops

WEIGHTS = ("uniform", "distance")


def output_weights(window, weights="uniform"):
    """How much the prediction made d steps after its frame counts, `[w_0, ..., w_{N-1}]`: 1 ("uniform"), or (N - d) / N,
    falling linearly with the distance ("distance")."""
    return [1.0 if weights == "uniform" else (window - distance) / window for distance in range(window)]


@keras.saving.register_keras_serializable(package="videorec")
class MultipleOutput(keras.layers.Layer):
    """Averages the overlapping predictions of each frame.

        y_t = sum_i w_{i-t} p_it / sum_i w_{i-t},   i = t, ..., min(t + delay, T - 1)

    The multiple output of MultiLSTM, Yeung et al. 2018, "Every moment counts" (arXiv 1507.05738): p_it are the logits that
    step i predicts for frame t, averaged before the sigmoid. Only predictions that exist count: the last N - 1 frames of a
    clip have fewer, and predictions of frames before the first are dropped.

    y_t is complete N - 1 steps after frame t. A smaller `delay` is the partial average, of what is known `delay` steps after
    the frame: with 0 it is what step t alone says of frame t, and the layer is causal.

    Computed in float32, also under a mixed precision policy.

    Args:
        weights: "uniform" (the paper's system), or "distance": w_d = (N - d) / N. (The paper also names weights that fall with
            distance; their form is chosen here.)
        delay: steps after a frame whose predictions are awaited, 0 to N - 1. Default: N - 1, the complete average.

    Call arguments:
        predictions: tensor `(B, T, N, C)`; entry n of step i is about frame i - (N - 1) + n, the last one about frame i.
            T may be unknown.
        mask: boolean tensor `(B, T)`, True where a step counts: predictions made at other steps (the padding of a short
            clip) are left out. A frame that no step counts for gets 0.

    Returns:
        Tensor `(B, T, C)`, float32.

    Raises:
        ValueError: unknown weights, a delay outside the window, or predictions that are not `(B, T, N, C)` with a known N.

    Attributes:
        cell: one step for streams, `MultipleOutputCell`; after `build`.
        causal: whether the output of a step depends on no later one: with delay 0.

    Example:

    >>> predictions = np.random.random((2, 40, 15, 65))  # (B, T, N, C)
    >>> MultipleOutput()(predictions).shape
    (2, 40, 65)
    """

    def __init__(self, weights="uniform", delay=None, dtype="float32", **kwargs):
        if weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}. Received: weights={weights!r}")
        if delay is not None and delay < 0:
            raise ValueError(f"delay must be 0 or more, or None for the whole window. Received: delay={delay}")
        super().__init__(dtype=dtype, **kwargs)
        self.weights_by, self.delay = weights, delay
        self.supports_masking = True  # one output a step

    @property
    def causal(self):
        return self.delay == 0

    def build(self, predictions_shape, mask_shape=None):
        window = predictions_shape[2] if len(predictions_shape) == 4 else None
        if window is None:
            raise ValueError(
                f"MultipleOutput needs (B, T, N, C) with a known N. Received: predictions_shape={tuple(predictions_shape)}"
            )
        self.cell = MultipleOutputCell(window, self.weights_by, self.delay, name="cell")
        self.cell.build((predictions_shape[0], *predictions_shape[2:]))

    def call(self, predictions, mask=None):
        p = ops.cast(predictions, "float32")
        counts = ops.ones_like(p[:1, :, 0, :1]) if mask is None else ops.cast(mask, "float32")[..., None]  # (B or 1, T, 1)
        window, delay = self.cell.window, self.cell.delay
        # Steps after the last one, which count 0: step t + d is then a slice for every d, whatever T is.
        p = ops.pad(p * counts[:, :, None], [(0, 0), (0, delay), (0, 0), (0, 0)])  # (B, T + delay, N, C)
        counts = ops.pad(counts, [(0, 0), (0, delay), (0, 0)])
        total = share = 0.0
        for distance, weight in enumerate(self.cell.output_weights):
            later = slice(distance, distance - delay or None)
            total += weight * p[:, later, window - 1 - distance]  # (B, T, C)
            share += weight * counts[:, later]
        return ops.where(share > 0, total / ops.maximum(share, 1e-9), 0.0)

    def compute_output_shape(self, predictions_shape, mask_shape=None):
        return (*predictions_shape[:2], predictions_shape[3])

    def get_config(self):
        return {**super().get_config(), "weights": self.weights_by, "delay": self.delay}


@keras.saving.register_keras_serializable(package="videorec")
class MultipleOutputCell(keras.layers.Layer):
    """`MultipleOutput` one step at a time: after step i it gives the average of frame i - delay.

    That is what `MultipleOutput` with this delay gives for the frame, while the stream goes on. The first `delay` outputs are
    about frames before the first, and mean nothing.

    Args:
        window: N, frames that a step predicts.
        weights, delay: as in `MultipleOutput`.

    Call arguments:
        inputs: tensor `(B, N, C)`, the step's predictions.
        states: list of one tensor `(B, N, C)` float32, the weighted sums of the last N frames, the oldest first, from
            `get_initial_state(batch_size)` or the step before.

    Returns:
        `(output, new_states)`, output `(B, C)` float32. When the stream ends, `flush(states)` gives the last `delay` frames.
    """

    def __init__(self, window, weights="uniform", delay=None, dtype="float32", **kwargs):
        delay = window - 1 if delay is None else delay
        if not 0 <= delay < window:
            raise ValueError(f"delay must be below the window. Received: delay={delay}, window={window}")
        super().__init__(dtype=dtype, **kwargs)
        self.window, self.weights_by, self.delay = window, weights, delay
        self.output_weights = output_weights(window, weights)[: delay + 1]

    def build(self, inputs_shape):
        self.frame_shape = tuple(inputs_shape[1:])

    def get_initial_state(self, batch_size=None):
        """The state before the first step."""
        return [ops.zeros((batch_size, *self.frame_shape), dtype="float32")]

    def call(self, inputs, states):
        # Predictions later than `delay` come too late for their frame.
        late = [0.0] * (self.window - 1 - self.delay)
        weights = ops.convert_to_tensor([*late, *self.output_weights[::-1]], dtype="float32")  # of the oldest frame first
        (sums,) = states
        sums = ops.concatenate([sums[:, 1:], ops.zeros_like(sums[:, :1])], axis=1)
        sums = sums + weights[:, None] * ops.cast(inputs, "float32")
        return sums[:, self.window - 1 - self.delay] / sum(self.output_weights), [sums]

    def flush(self, states):
        """The averages of the frames that still await predictions when a stream ends, from those that there are.

        Args:
            states: as after the last step.

        Returns:
            `(B, delay, C)` float32, the frame of the last step last: what `MultipleOutput` gives for the last frames of a
            clip. Where the stream had fewer steps than `delay`, the first are about frames before its first, and mean nothing.
        """
        (sums,) = states
        shares = list(itertools.accumulate(self.output_weights[: self.delay]))  # of the last frame first
        shares = ops.convert_to_tensor(np.reshape(shares[::-1], (self.delay, 1)), dtype="float32")
        return sums[:, self.window - self.delay :] / shares

    def get_config(self):
        return {**super().get_config(), "window": self.window, "weights": self.weights_by, "delay": self.delay}
