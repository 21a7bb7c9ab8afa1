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
        inputs: list of frame `(B, H, W, C)` in [0, 1]; moves `(B, K, h, w, 2 (2 r + 1) N)`, logits, one set a patch of H / h x
            W / w px, across before down, each from the pixel r before to the one r after; mix `(B, K, H, W, N + 1 + C)`, logits
            of the N copies, then of the new content, and then the new content's own. Only B may be unknown.

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
        height, width = frame.shape[1:3]
        side = (height // moves.shape[2], width // moves.shape[3])
        across, down = self._kernels(moves)
        moved, steps = ops.repeat(frame[..., None], self.copies, axis=-1), []  # (B, H, W, C, N)
        for k in range(moves.shape[1]):
            moved = self._shifted(moved, _enlarged(across[:, k], side), axis=2)
            moved = self._shifted(moved, _enlarged(down[:, k], side), axis=1)
            masks = ops.softmax(mix[:, k, ..., : self.copies + 1] + MOVED * self._is_copy())  # (B, H, W, N + 1)
            content = ops.sigmoid(mix[:, k, ..., self.copies + 1 :] + DARK)  # (B, H, W, C)
            kept = ops.sum(moved * masks[..., None, :-1], axis=-1)
            steps.append(kept + masks[..., -1:] * content)
        return ops.stack(steps, axis=1)

    def _kernels(self, moves):
        """Shares across and down, each `(B, K, h, w, (2 r + 1) N)`."""
        size = 2 * self.reach + 1
        stay = STAY * ops.one_hot(self.reach, size, dtype=moves.dtype)
        logits = ops.reshape(moves, (-1, size, self.copies)) + stay[:, None]
        shares = ops.softmax(logits, axis=1)
        return ops.split(ops.reshape(shares, (-1, *moves.shape[1:4], 2 * size * self.copies)), 2, axis=-1)

    def _shifted(self, moved, shares, axis):
        """Means of the pixels r before to r after along an axis: `(B, H, W, C, N)`."""
        reach = [(0, 0)] * 5
        reach[axis] = (self.reach, self.reach)
        padded, length, total = ops.pad(moved, reach), moved.shape[axis], 0.0
        for number in range(2 * self.reach + 1):
            window = padded[:, number : number + length] if axis == 1 else padded[:, :, number : number + length]
            total = total + window * shares[..., None, number * self.copies : (number + 1) * self.copies]
        return total

    def _is_copy(self):
        return 1.0 - ops.one_hot(self.copies, self.copies + 1, dtype=self.compute_dtype)

    def compute_output_shape(self, inputs_shape):
        frame, moves, _ = inputs_shape
        return (frame[0], moves[1], *frame[1:])

    def get_config(self):
        return {**super().get_config(), "reach": self.reach, "copies": self.copies}


def _enlarged(shares, side):
    """`(B, h, w, S)` for each pixel of the patches: `(B, H, W, S)`."""
    return ops.repeat(ops.repeat(shares, side[0], axis=1), side[1], axis=2)
