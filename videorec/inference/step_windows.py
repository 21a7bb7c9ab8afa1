"""Ring buffers: windows of the last frames, a whole clip of them, the states that attention looks back at."""

from keras import ops, tree

from videorec.inference.step_cells import StepCell, where


class Windows(StepCell):
    """What a layer makes of windows of frames, of which one begins every `stride` frames.

    Each step gives its value, which counts or not, and whether it takes the place of all before (see `When`).

    Args:
        window, stride: frames.
    """

    def __init__(self, window: int, stride: int):
        self.window, self.stride = window, stride

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, 1), dtype="float32")]

    def count_sequences(self, count):
        return count

    def tick(self, position):
        """`counts`, `replaces` and the new position, from the position before: `(B, 1)` each.

        The position counts the frames up to a window; from there on it goes round, so that no number grows.
        """
        new = position + 1.0
        new = ops.where(new >= self.window + self.stride, float(self.window), new)
        return new <= self.window, position < self.window, new


class PooledWindows(Windows):
    """`TemporalPooling` in windows.

    Args:
        cell: `TemporalPoolingCell`, built.
        stride: frames.
    """

    def __init__(self, cell, stride: int):
        super().__init__(cell.window, stride)
        self.cell = cell

    def get_initial_state(self, batch_size=None):
        return super().get_initial_state(batch_size) + self.cell.get_initial_state(batch_size)

    def update(self, inputs, states):
        position, *states = states
        counts, replaces, position = self.tick(position)
        output, states = self.cell(inputs, states)
        return [output, counts, replaces], [position, *states]


class ConvolvedWindows(Windows):
    """A convolution over time and space, without padding in time. Until its kernel is full the last frame is held.

    Args:
        layer: `keras.layers.Conv3D`, built.
        frame: a step `(B, H, W, C)`, for its shape and type.
    """

    def __init__(self, layer, frame):
        super().__init__(layer.kernel_size[0], layer.strides[0])
        self.layer, self.clip = layer, HeldClip(self.window, frame)

    def get_initial_state(self, batch_size=None):
        return super().get_initial_state(batch_size) + self.clip.get_initial_state(batch_size)

    def update(self, inputs, states):
        position, *states = states
        counts, replaces, position = self.tick(position)
        _, states = self.clip.update(inputs, states)
        clip = states[0]

        def nothing():  # where no window ends, its value does not count
            shape = self.layer.compute_output_shape(tuple(clip.shape))
            return ops.zeros((ops.shape(clip)[0], *shape[2:]), dtype=self.layer.compute_dtype)

        output = ops.cond(ops.any(counts), lambda: self.layer(clip)[:, 0], nothing)
        return [output, counts, replaces], [position, *states]


class HeldClip(StepCell):
    """A clip of the last `length` frames; until there are so many, the last one is held, as where a short video is read.

    Args:
        length: frames.
        frame: a step `(B, ...)`, for its shape and type.
    """

    def __init__(self, length: int, frame):
        self.length, self.frame = length, frame

    def get_initial_state(self, batch_size=None):
        clip = ops.zeros((batch_size, self.length, *self.frame.shape[1:]), dtype=self.frame.dtype)
        return [clip, ops.zeros((batch_size, 1), dtype="float32")]

    def update(self, inputs, states):
        clip, seen = states
        frame = inputs[:, None]
        moved = ops.concatenate([clip[:, 1:], frame], axis=1)
        free = ops.cast(ops.arange(self.length), "float32")[None] >= seen  # (B, length)
        held = ops.where(ops.reshape(free, (-1, self.length, *[1] * (len(clip.shape) - 2))), frame, clip)
        return [], [where(seen >= self.length, moved, held), ops.minimum(seen + 1.0, float(self.length))]

    def result(self, states, inputs=None):
        return states[:1]


class Attention(StepCell):
    """Attention over the steps so far: of the last `buffer` of them.

    Args:
        arguments: a nest: for each sequence, a step of it `(B, ...)`; None for what joins the steps.
        call: calls the layer on such a nest of tensors and a `mask` `(B, N)` of the steps that count.
        buffer: N, steps.
    """

    def __init__(self, arguments, call, buffer: int):
        self.frames = [x for x in tree.flatten(arguments) if x is not None]
        self.is_sequence = [x is not None for x in tree.flatten(arguments)]
        self.call, self.buffer = call, buffer

    def get_initial_state(self, batch_size=None):
        kept = [ops.zeros((batch_size, self.buffer, *x.shape[1:]), dtype=x.dtype) for x in self.frames]
        return [*kept, ops.zeros((batch_size, self.buffer), dtype="float32")]

    def update(self, inputs, states):
        *kept, filled = states
        steps = [x for x, is_sequence in zip(inputs, self.is_sequence, strict=True) if is_sequence]
        kept = [ops.concatenate([before[:, 1:], x[:, None]], axis=1) for before, x in zip(kept, steps, strict=True)]
        return [], [*kept, ops.concatenate([filled[:, 1:], ops.ones_like(filled[:, :1])], axis=1)]

    def result(self, states, inputs=None):
        *kept, filled = states
        kept = iter(kept)
        values = [next(kept) if is_sequence else x for x, is_sequence in zip(inputs, self.is_sequence, strict=True)]
        return tree.flatten(self.call(values, filled > 0))
