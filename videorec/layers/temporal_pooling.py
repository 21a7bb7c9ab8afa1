"""`TemporalPooling`: the maximum or mean over time, of the whole clip or of windows."""

import math

import keras
from keras import ops

from videorec.layers.running_sum import added, empty_sum, mean_so_far


@keras.saving.register_keras_serializable(package="videorec")
class TemporalPooling(keras.layers.Layer):
    """Pools features over time, each position in space and each channel on its own.

    Ng et al. 2015 (arXiv 1503.08909): over all frames in conv pooling and late pooling, in windows of 10 frames with stride
    5 in slow pooling (5 windows for 30 frames, 23 for 120). Of maximum and mean, the maximum is theirs.

    Args:
        mode: "max" or "mean". The mean is taken in float32.
        window: frames in a window. Default: the whole clip.
        stride: frames from the start of a window to the start of the next. Default: `window`.

    Call arguments:
        inputs: tensor `(B, T, ..., C)`, of 3 axes at least. T may be unknown.
        mask: boolean tensor `(B, T)`, True where a step counts. A window in which none counts becomes 0.

    Returns:
        Without a window, tensor `(B, ..., C)`. With one, `(B, S, ..., C)`, S = floor((T - window) / stride) + 1: no padding.
        A clip shorter than the window is one window (S = 1) of the frames there are.

    Attributes:
        cell: the same pooling one frame at a time, for streams; see `TemporalPoolingCell`.

    Raises:
        ValueError: an unknown mode, a window or stride below 1, a stride without a window, or fewer than 3 axes.

    Example:

    >>> maps = np.random.random((2, 30, 7, 7, 64))  # (B, T, H, W, C)
    >>> TemporalPooling()(maps).shape, TemporalPooling(window=10, stride=5)(maps).shape
    ((2, 7, 7, 64), (2, 5, 7, 7, 64))
    """

    def __init__(self, mode="max", window=None, stride=None, **kwargs):
        if stride is not None and window is None:
            raise ValueError(f"stride needs a window: without one the whole clip is pooled. Received: stride={stride}")
        if stride is not None and stride < 1:
            raise ValueError(f"stride must be at least 1. Received: stride={stride}")
        super().__init__(**kwargs)
        self.cell = TemporalPoolingCell(mode, window, dtype=self.dtype_policy, name="cell")
        self.mode, self.window = mode, window
        self.stride = window if stride is None else stride
        self.supports_masking = True

    def build(self, inputs_shape, mask_shape=None):
        if len(inputs_shape) < 3:
            raise ValueError(f"TemporalPooling needs inputs (B, T, ..., C). Received: inputs_shape={tuple(inputs_shape)}")
        self.cell.build((inputs_shape[0], *inputs_shape[2:]))

    def call(self, inputs, mask=None):
        x = ops.cast(inputs, self.compute_dtype if self.mode == "max" else "float32")
        if mask is not None:
            mask = ops.reshape(ops.cast(mask, "bool"), (*ops.shape(x)[:2], *[1] * (len(x.shape) - 2)))
            x = ops.where(mask, x, self.cell.empty)
        y = self._pool(x)
        if self.mode == "mean" and (mask is not None or self._may_be_short(x)):
            # The share of each window that counts: masked steps and the padding of a short clip are 0 in the sum above.
            weights = ops.ones_like(x[:1, :, ..., :1]) if mask is None else ops.cast(mask, x.dtype)
            share = self._pool(weights)
            y = ops.where(share > 0, y / ops.maximum(share, 1e-9), 0.0)
        elif mask is not None:
            y = ops.where(self._pool(ops.cast(mask, x.dtype)) > 0, y, 0.0)
        return ops.cast(y, self.compute_dtype)

    def _may_be_short(self, x):
        return self.window is not None and (x.shape[1] is None or x.shape[1] < self.window)

    def _pool(self, x):
        if self.window is None:
            return ops.max(x, axis=1) if self.mode == "max" else ops.mean(x, axis=1)
        if self._may_be_short(x):
            x = self._padded(x)
        shape = ops.shape(x)
        # Space as one axis: a 2-D pooling of window x 1, which keeps the channels last and so is fast for large maps.
        x = ops.reshape(x, (*self._batch_and_time(x), math.prod(shape[2:-1]), shape[-1]))  # (B, T, P, C)
        pool = ops.max_pool if self.mode == "max" else ops.average_pool
        y = pool(x, (self.window, 1), (self.stride, 1), padding="valid", data_format="channels_last")  # (B, S, P, C)
        return ops.reshape(y, (*self._batch_and_time(y), *shape[2:]))

    def _padded(self, x):
        """A clip shorter than the window, filled up with what does not count."""
        widths = [(0, 0), (0, self.window)] + [(0, 0)] * (len(x.shape) - 2)
        filled = ops.pad(x, widths, constant_values=self.cell.empty)
        # More than needed, then sliced: padding computed at run time could be empty, and TFLite aborts on an empty tensor.
        time = x.shape[1]
        return filled[:, : ops.maximum(ops.shape(x)[1], self.window) if time is None else max(time, self.window)]

    @staticmethod
    def _batch_and_time(x):
        """The first two axes for a reshape, with -1 for an unknown one: what is known then stays static."""
        if x.shape[1] is not None:
            return -1, x.shape[1]
        return (ops.shape(x)[0], -1)

    def compute_mask(self, inputs, previous_mask):
        return None  # the time axis it is about is gone

    def compute_output_shape(self, inputs_shape, mask_shape=None):
        batch, time, *rest = inputs_shape
        if self.window is None:
            return (batch, *rest)
        windows = None if time is None else (max(time, self.window) - self.window) // self.stride + 1
        return (batch, windows, *rest)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "window": self.window, "stride": self.stride}


@keras.saving.register_keras_serializable(package="videorec")
class TemporalPoolingCell(keras.layers.Layer):
    """Pooling over time one frame at a time: the frames so far, or the last `window` of them.

    After frame t the output is what `TemporalPooling` gives for the frames 0..t, or for the window that ends at t (for the
    first frames: of those there are). No masks, and no stride: a window ends at every frame.

    Args:
        mode: "max" or "mean".
        window: frames in a window. Default: all so far.

    Call arguments:
        inputs: tensor `(B, ..., C)`, a frame.
        states: list of tensors, from `get_initial_state(batch_size)` or the step before. Whole clip, max: the running
            maximum `(B, ..., C)`; mean: a running sum of three tensors (`videorec.layers.running_sum`). Window: the last
            `window` frames `(B, window, ..., C)`, and for the mean the count `(B, 1)`, float32.

    Returns:
        `(output, new_states)`, output `(B, ..., C)`. The two parts of it are `update(inputs, states)`, the new states, and
        `result(states)`, the output that belongs to them.
    """

    def __init__(self, mode="max", window=None, **kwargs):
        if mode not in ("max", "mean"):
            raise ValueError(f"mode must be 'max' or 'mean'. Received: mode={mode!r}")
        if window is not None and window < 1:
            raise ValueError(f"window must be at least 1, or None for the whole clip. Received: window={window}")
        super().__init__(autocast=False, **kwargs)  # sum and count stay float32
        self.mode, self.window = mode, window
        self.empty = -math.inf if mode == "max" else 0.0  # changes no result

    def build(self, inputs_shape):
        self.frame_shape = tuple(inputs_shape[1:])

    def get_initial_state(self, batch_size=None):
        """The states before the first frame."""
        if None in self.frame_shape:
            raise ValueError(f"A state needs frames of known shape. Received: frame_shape={self.frame_shape}")
        if self._sums:
            return empty_sum((batch_size, *self.frame_shape))
        frames = () if self.window is None else (self.window,)
        dtype = self.compute_dtype if self.mode == "max" else "float32"
        pooled = ops.full((batch_size, *frames, *self.frame_shape), self.empty, dtype=dtype)
        return [pooled] if self.mode == "max" else [pooled, ops.zeros((batch_size, 1), dtype="float32")]

    @property
    def _sums(self):
        return self.mode == "mean" and self.window is None

    def call(self, inputs, states):
        states = self.update(inputs, states)
        return self.result(states), states

    def update(self, inputs, states):
        """The states after a frame."""
        x = ops.cast(inputs, self.compute_dtype if self.mode == "max" else "float32")
        if self._sums:
            return added(states, x)
        kept, *count = states
        if self.window is None:
            return [ops.maximum(kept, x)]
        kept = ops.concatenate([kept[:, 1:], x[:, None]], axis=1)  # (B, window, ..., C)
        return [kept, *(number + 1.0 for number in count)]

    def result(self, states):
        """What was pooled so far `(B, ..., C)`, from the states after at least one frame."""
        if self._sums:
            return ops.cast(mean_so_far(states), self.compute_dtype)
        kept, *count = states
        if self.mode == "max":
            return kept if self.window is None else ops.max(kept, axis=1)
        seen, total = ops.minimum(count[0], float(self.window)), ops.sum(kept, axis=1)
        y = total / ops.reshape(seen, (-1, *[1] * (len(total.shape) - 1)))
        return ops.cast(y, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode, "window": self.window}
