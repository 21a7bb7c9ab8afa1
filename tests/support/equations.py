"""The papers' equations in NumPy, a step at a time: what the layers and models are compared with."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, kernel):
    """Maps `(B, H, W, c)`, zeros around them, with a kernel of odd sides `(k, l, c, f)`."""
    high, wide = kernel.shape[:2]
    height, width = x.shape[1:3]
    x = np.pad(x, [(0, 0), (high // 2,) * 2, (wide // 2,) * 2, (0, 0)])
    return sum(x[:, a : a + height, b : b + width] @ kernel[a, b] for a in range(high) for b in range(wide))


def transform(x, kernel):
    """A convolution of maps, or a matrix product of vectors."""
    return convolve(x, kernel) if kernel.ndim == 4 else x @ kernel


def see(c, peephole):
    """A peephole's term: a matrix product for a matrix, else the product of elements."""
    return c @ peephole if np.ndim(peephole) == 2 else c * peephole


def lstm(x, h, c, kernel, recurrent, bias=0.0, peepholes=(0.0, 0.0, 0.0), output_peephole="new"):
    """Shi et al. 2015, equations 2 and 3, gates in order i, f, c, o; x = None has no input term: h and c of one step.

    peepholes: of i, f and o. output_peephole: "old" where o sees the cell of the step before.
    """
    z = transform(h, recurrent) + bias
    if x is not None:
        z = z + transform(x, kernel)
    z_i, z_f, z_c, z_o = np.split(z, 4, axis=-1)
    i, f = sigmoid(z_i + see(c, peepholes[0])), sigmoid(z_f + see(c, peepholes[1]))
    old, c = c, f * c + i * np.tanh(z_c)
    return sigmoid(z_o + see(c if output_peephole == "new" else old, peepholes[2])) * np.tanh(c), c


def conv_gru(x, h, kernel, recurrent, bias=0.0, reset_after=False, lower=0.0):
    """Ballas et al. 2016, equations 1 to 4, in the order z, r, candidate; x = None has no input term: h of one step.

    bias: one for all terms, or two rows, of the input's and the state's. reset_after: r after the convolution of h.
    lower: what the level below adds to z and r, `(..., 2 filters)`.
    """
    size = h.shape[-1]
    bias, state_bias = bias if np.ndim(bias) == 2 else (bias, np.zeros(3 * size))
    gates, rest = slice(2 * size), slice(2 * size, None)
    term = np.zeros(3 * size) + bias if x is None else transform(x, kernel) + bias
    state = transform(h, recurrent[..., gates]) + state_bias[gates]
    z, r = np.split(sigmoid(term[..., gates] + lower + state), 2, axis=-1)
    if reset_after:
        candidate = r * (transform(h, recurrent[..., rest]) + state_bias[rest])
    else:
        candidate = transform(r * h, recurrent[..., rest])
    return (1 - z) * h + z * np.tanh(term[..., rest] + candidate)


def patches(frames, p):
    """`(B, T, H, W, C)` to `(B, T, H / p, W / p, p * p * C)`, a patch at a time."""
    batch, time, height, width, channels = frames.shape
    out = np.zeros((batch, time, height // p, width // p, p * p * channels), frames.dtype)
    for row in range(height // p):
        for column in range(width // p):
            patch = frames[:, :, row * p : (row + 1) * p, column * p : (column + 1) * p]
            out[:, :, row, column] = patch.reshape(batch, time, -1)
    return out


def pixels(maps, p):
    """The way back of `patches`."""
    batch, time, height, width, size = maps.shape
    out = np.zeros((batch, time, height * p, width * p, size // p**2), maps.dtype)
    for row in range(height):
        for column in range(width):
            patch = maps[:, :, row, column].reshape(batch, time, p, p, -1)
            out[:, :, row * p : (row + 1) * p, column * p : (column + 1) * p] = patch
    return out
