"""`NextFrameConvLSTM2D`: stacked ConvLSTMs that forecast frame by frame, each from the one before."""

import keras
from keras import ops

from videorec.layers.peephole_conv_lstm2d import PeepholeConvLSTM2DCell


@keras.saving.register_keras_serializable(package="videorec")
class NextFrameConvLSTM2DCell(keras.layers.Layer):
    """One step of `NextFrameConvLSTM2D`: a frame in, the forecast of the next one out.

    Weights: `cells[k].kernel (k, k, c, 4f)` and `cells[k].recurrent_kernel (k, k, f, 4f)` of each level, gates in order i, f,
    c, o, and `output_kernel (1, 1, f, C)`.

    Args:
        filters, kernel_size: see `NextFrameConvLSTM2D`.

    Call arguments:
        inputs: tensor `(B, H, W, C + 1)`: the true frame and, as its last channel, 1 where it is to be used and 0 where the
            last forecast takes its place. In one tensor, because `keras.layers.RNN` hands a cell a single one.
        states: list of h and c of each level `(B, H, W, f)`, and the last forecast `(B, H, W, C)`.

    Returns:
        The forecast `(B, H, W, C)`, and the list of the new states.
    """

    # Compiled for a GPU, one convolution takes less than two: a train step of the benchmark's network on an H100 17.0 ms in
    # place of 20.6 in bfloat16, 34.2 in place of 37.9 in TF32. TensorFlow joins the kernels anew at every step, which costs a
    # CPU more than it gains where the batch is small.
    joined = keras.backend.backend() == "jax"

    def __init__(self, filters, kernel_size, **kwargs):
        if isinstance(filters, int) or not len(filters):
            raise ValueError(f"filters must hold one number a level. Received: filters={filters}")
        super().__init__(**kwargs)
        self.filters, self.kernel_size = list(filters), kernel_size
        options = {"peephole": None, "use_bias": False, "unit_forget_bias": False, "dtype": self.dtype_policy}
        self.cells = [
            PeepholeConvLSTM2DCell(size, kernel_size, name=f"level_{level}", **options)
            for level, size in enumerate(self.filters, start=1)
        ]
        self.state_size = [size for size in self.filters for _ in "hc"] + [None]  # the frame's channels: known after build

    def build(self, inputs_shape, states_shape=None):
        *places, channels = inputs_shape
        self.frame_size = (*places[1:], channels - 1)  # (H, W, C)
        for cell, below in zip(self.cells, [channels - 1, *self.filters], strict=False):
            cell.build((*places, below))
        self.output_kernel = self.add_weight(name="output_kernel", shape=(1, 1, self.filters[-1], channels - 1))

    def call(self, inputs, states):
        *states, last = states
        true, given = ops.split(inputs, [self.frame_size[-1]], axis=-1)
        x, new_states = given * true + (1 - given) * last, []
        for cell, state in zip(self.cells, zip(states[::2], states[1::2], strict=True), strict=True):
            x, state = cell(x, list(state))
            new_states += state
        frame = ops.conv(x, self.output_kernel, data_format="channels_last")  # (B, H, W, C)
        return frame, [*new_states, frame]

    def get_initial_state(self, batch_size=None):
        states = [state for cell in self.cells for state in cell.get_initial_state(batch_size)]
        return [*states, ops.zeros((batch_size, *self.frame_size), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="videorec")
class NextFrameConvLSTM2D(keras.layers.RNN):
    """Stacked ConvLSTMs as a next-frame model: sees J frames, then runs on its own forecasts to K frames ahead.

    At each of the J + K - 1 steps the levels read a frame, bottom to top, and a 1 x 1 convolution (linear, no bias) of the top
    level's h forecasts the next frame. The ConvLSTMs are those of `PeepholeConvLSTM2D` without peepholes and biases. It is
    the "ConvLSTM" of the common Moving MNIST benchmark (OpenSTL; Wang et al. 2017 and later), not Shi et al.'s
    encoder-forecaster: there is no separate forecaster.

    Scheduled sampling (Bengio et al. 2015, arXiv 1506.03099): in training, a step after the J frames reads the true frame
    where `teacher` is 1, and the layer's own forecast where it is 0.

    Args:
        filters: channels of the states of each level, bottom to top.
        kernel_size: window of all convolutions of input and state, int or (height, width).
        horizon: K, the number of frames that are forecast after the last one seen.
        unroll: a copy of the step for each t in the graph instead of a loop; needs a known J.
        name, dtype, trainable: as in every Keras layer.

    Call arguments:
        frames: tensor `(B, J, H, W, C)`; B and J may be unknown.
        future: tensor `(B, K, H, W, C)`, the true frames; only with `teacher`, and the last one is not read.
        teacher: tensor `(B, K - 1)` of 0 and 1. Default: the layer reads its own forecasts at all K - 1 steps.

    Returns:
        Tensor `(B, J + K - 1, H, W, C)`: at index t the forecast of frame t + 1, where 0 is the first frame seen; so the last
        K are those after the J frames.

    Raises:
        ValueError: an argument is out of range, one of future and teacher without the other, or H, W or C is unknown.

    Example:

    >>> layer = NextFrameConvLSTM2D([8, 8], 3, horizon=10)
    >>> layer(np.random.random((2, 10, 16, 16, 4))).shape
    (2, 19, 16, 16, 4)
    """

    def __init__(self, filters, kernel_size, horizon, unroll=False, name=None, dtype=None, trainable=True):
        if not isinstance(horizon, int) or horizon < 1:
            raise ValueError(f"horizon must be an int above 0. Received: horizon={horizon}")
        cell = NextFrameConvLSTM2DCell(filters, kernel_size, name="cell", dtype=dtype, trainable=trainable)
        super().__init__(cell, return_sequences=True, unroll=unroll, name=name, dtype=dtype, trainable=trainable)
        self.horizon = horizon
        self.input_spec = None

    def build(self, frames_shape, future_shape=None, teacher_shape=None):
        if len(frames_shape) != 5 or None in frames_shape[2:]:
            raise ValueError(
                "The frames must have the shape (batch, time, height, width, channels), with the last three known. "
                f"Received: frames_shape={tuple(frames_shape)}"
            )
        super().build((*frames_shape[:-1], frames_shape[-1] + 1))

    def call(self, frames, future=None, teacher=None):
        if (future is None) != (teacher is None):
            raise ValueError(
                "future and teacher belong together: the true frames, and where they are read. Received: one of them."
            )
        ones = ops.ones_like(frames[..., :1])
        seen = ops.concatenate([frames, ones], axis=-1)  # (B, J, H, W, C + 1)
        more = self.horizon - 1
        if teacher is None:
            return super().call(ops.pad(seen, [(0, 0), (0, more), (0, 0), (0, 0), (0, 0)]))
        future = future[:, :more]  # (B, K - 1, H, W, C)
        given = ops.cast(teacher, self.compute_dtype)[:, :, None, None, None] * ops.ones_like(future[..., :1])
        return super().call(ops.concatenate([seen, ops.concatenate([future, given], axis=-1)], axis=1))

    def compute_output_shape(self, frames_shape, future_shape=None, teacher_shape=None):
        batch, seen, *frame = frames_shape
        return (batch, None if seen is None else seen + self.horizon - 1, *frame)

    def compute_mask(self, *args, **kwargs):
        return None  # every step counts

    def get_config(self):
        options = {key: value for key, value in super().get_config().items() if key in ("name", "dtype", "trainable", "unroll")}
        return {**options, **{key: getattr(self.cell, key) for key in ("filters", "kernel_size")}, "horizon": self.horizon}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
