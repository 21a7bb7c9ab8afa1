"""`MovedFrames`: forecasts that move a frame on, step by step, by kernels that a network gives."""

import keras
from keras import ops

STAY = 3.0  # added to the logit of "no move": what is new begins close to the frame repeated
MOVED = 1.0  # added to the logits of the moved copies against that of new content
DARK = -2.0  # added to the logits of new content


@keras.saving.register_keras_serializable(package="videorec")
class MovedFrames(keras.layers.Layer):
    """Moves copies of a frame on, each by its own small kernels, and mixes them with new content, for K steps.

        m_0,n = x                                                   n = 1 ... N copies of the frame
        m_k,n = down_k,n * (across_k,n * m_{k-1,n})                  kernels of 2 r + 1 shares, other ones in each patch
        y_k   = sum_n a_k,n o m_k,n + a_k,0 o sigma(new_k + DARK)    a_k: softmax over the copies and the new content

    The kernels are softmaxes, so that each pixel takes a mean of its neighbours, r px away at most; zeros lie around the frame.
    A kernel that names one neighbour moves without blur. With all arguments 0 the frame nearly stays.

    Kernels from a network for each place: Dynamic Filter Networks (De Brabandere et al. 2016, arXiv 1605.09673), here separable
    (Niklaus et al. 2017, arXiv 1708.01692). Copies that are moved and mixed with masks and new content: CDNA (Finn et al. 2016,
    arXiv 1605.07157).

    Args:
        reach: r, the farthest move of a step in px, across and down.
        copies: N, the number of moves that can meet in a place.

    Call arguments:
        inputs: list of frame `(B, H, W, C)` in [0, 1]; moves `(B, K, h, w, 2 N (2 r + 1))`, logits, one set a patch of H / h x
            W / w px, across and then down, a kernel a copy, from the pixel r before to the one r after; mix `(B, K, H, W, N +
            1 + C)`, logits of the N copies, of the new content, and then the new content's own. Only B may be unknown.

    Returns:
        Tensor `(B, K, H, W, C)` in [0, 1].

    Raises:
        ValueError: reach or copies below 1; shapes that do not fit.

    Example:

    >>> MovedFrames(1, 2)([np.ones((3, 8, 8, 1)), np.zeros((3, 5, 2, 2, 12)), np.zeros((3, 5, 8, 8, 4))]).shape
    (3, 5, 8, 8, 1)
    """

    def __init__(self, reach, copies=2, **kwargs):
        if not all(isinstance(number, int) and number >= 1 for number in (reach, copies)):
            raise ValueError(f"reach and copies must be ints above 0. Received: reach={reach}, copies={copies}")
        super().__init__(**kwargs)
        self.reach, self.copies = reach, copies

    def build(self, inputs_shape):
        frame, moves, mix = (tuple(shape[1:]) for shape in inputs_shape)
        height, width, channels = frame
        shares = 2 * (2 * self.reach + 1) * self.copies
        fit = len(moves) == 4 and moves[-1] == shares and height % moves[1] == width % moves[2] == 0
        if not fit or mix != (moves[0], height, width, self.copies + 1 + channels):
            raise ValueError(
                f"Of a frame (B, H, W, C), moves must be (B, K, h, w, {shares}), h and w parts of H and W, and mix "
                f"(B, K, H, W, {self.copies + 1} + C). Received: inputs_shape={[tuple(shape) for shape in inputs_shape]}"
            )

    def call(self, inputs):
        frame, moves, mix = inputs
        height, width, channels = frame.shape[1:]
        kernels = self._kernels(moves)
        planes = ops.repeat(ops.transpose(frame, (0, 3, 1, 2))[:, None], self.copies, axis=1)  # (B, N, C, H, W)
        planes, steps = ops.reshape(planes, (-1, height, width, 1)), []
        for k in range(moves.shape[1]):
            for axis in (0, 1):
                shares = kernels[:, axis * self.copies : (axis + 1) * self.copies, k]  # (B, N, h w (2 r + 1))
                shares = ops.reshape(shares, (-1, *moves.shape[2:4], 2 * self.reach + 1))
                planes = self._shifted(planes, ops.repeat(shares, channels, axis=0), axis)
            moved = ops.reshape(planes, (-1, self.copies, channels, height * width))
            moved = ops.reshape(ops.transpose(moved, (0, 3, 2, 1)), (-1, height, width, channels, self.copies))
            masks = ops.softmax(mix[:, k, ..., : self.copies + 1] + MOVED * self._is_copy())  # (B, H, W, N + 1)
            content = ops.sigmoid(mix[:, k, ..., self.copies + 1 :] + DARK)  # (B, H, W, C)
            steps.append(ops.sum(moved * masks[..., None, :-1], axis=-1) + masks[..., -1:] * content)
        return ops.stack(steps, axis=1)

    def _kernels(self, moves):
        """Shares of the neighbours, those across and then those down: `(B, 2 N, K, h w (2 r + 1))`."""
        size, (steps, height, width) = 2 * self.reach + 1, moves.shape[1:4]
        logits = ops.reshape(moves, (-1, size)) + STAY * ops.one_hot(self.reach, size, dtype=moves.dtype)
        shares = ops.reshape(ops.softmax(logits), (-1, steps * height * width, 2 * self.copies, size))
        return ops.reshape(ops.transpose(shares, (0, 2, 1, 3)), (-1, 2 * self.copies, steps, height * width * size))

    def _shifted(self, planes, shares, axis):
        """Means of the pixels r before to r after, across (axis 0) or down: `(P, H, W, 1)`, shares `(P, h, w, 2 r + 1)`."""
        size = 2 * self.reach + 1
        window = (1, size, 1, size) if axis == 0 else (size, 1, 1, size)
        kernel = ops.reshape(ops.eye(size, dtype=planes.dtype), window)  # a channel for each neighbour
        neighbours = ops.conv(planes, kernel, padding="same", data_format="channels_last")
        height, width = (pixels // places for pixels, places in zip(planes.shape[1:3], shares.shape[1:3], strict=True))
        shares = ops.repeat(ops.repeat(shares, height, axis=1), width, axis=2)  # (P, H, W, 2 r + 1)
        return ops.sum(neighbours * shares, axis=-1, keepdims=True)

    def _is_copy(self):
        return 1.0 - ops.one_hot(self.copies, self.copies + 1, dtype=self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        frame, moves, _ = inputs_shape
        return (frame[0], moves[1], *frame[1:])

    def get_config(self):
        return {**super().get_config(), "reach": self.reach, "copies": self.copies}
