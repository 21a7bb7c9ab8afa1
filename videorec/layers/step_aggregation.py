"""`StepAggregation`: one prediction for a clip from the predictions at its steps."""

import keras
from keras import ops

from videorec.layers.running_sum import added, empty_sum, mean_so_far

GAINS = ("uniform", "linear", "last")
MODES = ("mean", "sum", "last", "max", "weighted")


@keras.saving.register_keras_serializable(package="videorec")
class StepAggregation(keras.layers.Layer):
    """Joins the class probabilities of all steps into those of the clip.

    - "mean" or "sum": p = 1/S sum_t p_t (LRCN: Donahue et al. 2015; Ng et al. 2015 speak of the sum). Each step's
      probabilities sum to 1: both, normalised, are the same numbers
    - "last": p = p_{S-1}
    - "max": p_c = max_t p_{t,c}
    - "weighted": p = sum_t g_t p_t with g_t = t / (S - 1), t = 0..S-1; a single step has gain 1

    Last, max, sum and weighted are the four of Ng et al. 2015. Each is then divided by its sum over the
    classes; where any number of classes may be true, sums are divided by the sum of their gains instead, and
    nothing is divided over the classes. Computed in float32, also under a mixed precision policy.

    Args:
        mode: "mean", "sum", "last", "max" or "weighted".
        exclusive: whether one class alone is true.

    Call arguments:
        probabilities: tensor `(B, S, C)`; if exclusive, summing to 1 over C.

    Returns:
        Tensor `(B, C)`, float32; if exclusive, summing to 1 over C, otherwise each in [0, 1].

    Raises:
        ValueError: an unknown mode, or an input that is not `(B, S, C)`.

    Example:

    >>> StepAggregation("weighted")(np.array([[[0.9, 0.1], [0.2, 0.8]]]))
    [[0.2, 0.8]]
    """

    def __init__(self, mode="mean", exclusive=True, dtype="float32", **kwargs):
        _check(mode)
        super().__init__(dtype=dtype, **kwargs)
        self.mode, self.exclusive = mode, exclusive

    def build(self, probabilities_shape):
        if len(probabilities_shape) != 3:
            raise ValueError(
                f"StepAggregation needs probabilities (B, S, C). Received: probabilities_shape={tuple(probabilities_shape)}"
            )

    def call(self, probabilities):
        p = ops.cast(probabilities, self.compute_dtype)
        if self.mode == "last":
            p = p[:, -1]
        elif self.mode == "max":
            p = ops.max(p, axis=1)
        else:
            gain = "linear" if self.mode == "weighted" else "uniform"
            gains = ops.cast(step_gains(ops.shape(p)[1], gain), p.dtype)
            p = ops.sum(p * gains[:, None], axis=1)  # (B, S, C) -> (B, C)
            if not self.exclusive:
                return p / ops.sum(gains)
        return p / ops.sum(p, axis=-1, keepdims=True) if self.exclusive else p

    def compute_output_shape(self, probabilities_shape):
        return (probabilities_shape[0], probabilities_shape[2])

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "exclusive": self.exclusive}


@keras.saving.register_keras_serializable(package="videorec")
class StepAggregationCell(keras.layers.Layer):
    """`StepAggregation` one step at a time: after step t, what it gives for the steps 0..t.

    The gains of "weighted", t / (S - 1), change with S only by a factor, which the division takes out: here they are t.

    Args:
        mode, exclusive: as in `StepAggregation`.

    Call arguments:
        inputs: tensor `(B, C)`, the probabilities of a step.
        states: list of one tensor `(B, C)` float32, the last step or the maximum, or a running sum of three
            (`videorec.layers.running_sum`); from `get_initial_state(batch_size)` or the step before.

    Returns:
        `(output, new_states)`, output `(B, C)` float32. The two parts of it are `update(inputs, states)`, the new states, and
        `result(states)`, the output that belongs to them.

    Raises:
        ValueError: an unknown mode.

    Example:

    >>> cell = StepAggregationCell("max", exclusive=False)
    >>> cell.build((2, 3))
    >>> states = cell.get_initial_state(batch_size=2)
    >>> output, states = cell(np.random.random((2, 3)), states)
    """

    def __init__(self, mode="mean", exclusive=True, dtype="float32", **kwargs):
        _check(mode)
        super().__init__(dtype=dtype, **kwargs)
        self.mode, self.exclusive = mode, exclusive

    def build(self, inputs_shape):
        self.frame_shape = tuple(inputs_shape[1:])

    def get_initial_state(self, batch_size=None):
        """The states before the first step."""
        shape = (batch_size, *self.frame_shape)
        return [ops.zeros(shape, dtype="float32")] if self.mode in ("last", "max") else empty_sum(shape)

    def call(self, inputs, states):
        states = self.update(inputs, states)
        return self.result(states), states

    def update(self, inputs, states):
        """The states after a step."""
        p = ops.cast(inputs, "float32")
        if self.mode == "last":
            return [p]
        if self.mode == "max":
            return [ops.maximum(states[0], p)]
        if self.mode == "weighted":  # the first step counts only while it is alone
            total, rest, steps = states
            states = [ops.where(steps > 1, total, 0.0), ops.where(steps > 1, rest, 0.0), steps]
            p = p * ops.maximum(ops.cast(steps, "float32"), 1.0)
        return added(states, p)

    def result(self, states):
        """The aggregate so far `(B, C)`, from the states after at least one step."""
        p = states[0]
        if self.exclusive:
            return p / ops.sum(p, axis=-1, keepdims=True)
        if self.mode == "weighted":
            steps = ops.cast(states[-1], "float32")
            return p / ops.maximum(steps * (steps - 1.0) / 2.0, 1.0)  # by the sum of the gains
        return p if self.mode in ("last", "max") else mean_so_far(states)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "exclusive": self.exclusive}


def _check(mode):
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}. Received: mode={mode!r}")


def step_gains(steps, gain="uniform"):
    """`(S,)` float32 gains: ones, 0 to 1 in equal parts, or 0 but for the last; a single step has gain 1."""
    if gain == "uniform":
        return ops.ones((steps,), "float32")
    t = ops.cast(ops.arange(steps), "float32")
    last = ops.cast(steps - 1, "float32")
    if gain == "last":
        return ops.cast(ops.equal(t, last), "float32")
    return ops.where(last > 0, t / ops.maximum(last, 1.0), ops.ones_like(t))
