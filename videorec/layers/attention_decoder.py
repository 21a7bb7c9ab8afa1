"""`AttentionDecoder`: an LSTM that writes a sequence while looking back at all states of an encoder."""

import keras
from keras import ops

from videorec.layers.dot_product_attention import DotProductAttention


@keras.saving.register_keras_serializable(package="videorec")
class AttentionDecoder(keras.layers.Layer):
    """Decoder of a sequence-to-sequence model with attention that reads its own last output at each step.

        s_k, c_k = LSTM(y_{k-1}, s_{k-1}, c_{k-1})
        a_k, alpha_k = attention(query s_k, keys and values h_1 ... h_J)
        s~_k = tanh(W_c [a_k; s_k])
        y_k = W_y s~_k + b

    Luong et al. 2015 (arXiv 1508.04025), equations 1 to 8: the query is the state of this step, and the attentional state s~
    comes before the output. In place of a distribution over words the output is a vector, and the next step reads it, not
    the truth: training needs no future.

    Args:
        units: size of s and c. With score "dot" it is that of the encoder's states: query and keys are then of one size.
        steps: K, the number of steps.
        score: "dot", "general" or "concat" (of `units` hidden units), as in `DotProductAttention`.
        attentional_units: size of s~. Default: `units`.

    Call arguments:
        first: tensor `(B, D)`, y_0: what the first step reads. D is also the size of the outputs.
        keys: tensor `(B, J, E)`, the encoder's states; B and J may be unknown.
        initial_state: list of s_0 and c_0, each `(B, units)`: the encoder's last.
        mask: boolean tensor `(B, J)`, True where a key counts. Coefficients elsewhere are 0.

    Returns:
        y `(B, K, D)` and alpha `(B, K, J)`.

    Raises:
        ValueError: steps below 1, or with score "dot" keys of another size than `units`.

    Example:

    >>> states = np.random.random((2, 10, 8))
    >>> outputs, coefficients = AttentionDecoder(8, steps=5)(np.zeros((2, 3)), states, [states[:, -1], states[:, -1]])
    >>> outputs.shape, coefficients.shape
    ((2, 5, 3), (2, 5, 10))
    """

    def __init__(self, units, steps, score="dot", attentional_units=None, **kwargs):
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(f"steps must be an int above 0. Received: steps={steps}")
        super().__init__(**kwargs)
        self.units, self.steps, self.score = units, steps, score
        self.attentional_units = attentional_units
        self.supports_masking = True
        own = {"dtype": self.dtype_policy}
        self.cell = keras.layers.LSTMCell(units, name="cell", **own)
        self.attend = DotProductAttention(score, units=units if score == "concat" else None, name="attend", **own)
        self.attentional = keras.layers.Dense(
            attentional_units or units, activation="tanh", use_bias=False, name="attentional", **own
        )

    def build(self, first_shape, keys_shape, initial_state_shape=None, mask_shape=None):
        batch, size = first_shape
        self.cell.build((batch, size))
        self.attend.build((batch, self.units), keys_shape)
        self.attentional.build((batch, keys_shape[-1] + self.units))
        self.output_layer = keras.layers.Dense(size, name="output", dtype=self.dtype_policy)
        self.output_layer.build((batch, self.attentional.units))

    def call(self, first, keys, initial_state, mask=None):
        y, states, outputs, coefficients = first, list(initial_state), [], []
        key_term = self.attend.key_term(keys)
        # A copy of the step for each k: steps are few and small, and no loop has to carry the keys.
        for _ in range(self.steps):
            s, states = self.cell(y, states)  # (B, units)
            context, weights = self.attend.weigh(s, keys, key_term, mask=mask)  # (B, E), (B, J)
            y = self.output_layer(self.attentional(ops.concatenate([context, s], axis=-1)))  # (B, D)
            outputs.append(y)
            coefficients.append(weights)
        return ops.stack(outputs, axis=1), ops.stack(coefficients, axis=1)

    def compute_mask(self, first, previous_mask):
        return None  # it is about the keys

    def compute_output_shape(self, first_shape, keys_shape, initial_state_shape=None, mask_shape=None):
        batch, size = first_shape
        return (batch, self.steps, size), (batch, self.steps, keys_shape[1])

    def get_config(self):
        names = ("units", "steps", "score", "attentional_units")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
