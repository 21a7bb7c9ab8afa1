"""`DotProductAttention`: a weighted sum of values, the weights from how well a query matches their keys."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="videorec")
class DotProductAttention(keras.layers.Layer):
    """Sums values, each weighted by the softmax over time of the score between a query and its key.

        alpha_i = exp(score(q, k_i)) / sum_j exp(score(q, k_j)),   context = sum_i alpha_i v_i

    with the global attention's scores of Luong et al. 2015, section 3.1:

    - "dot": q^T k, no weights, and no division by the square root of the size
    - "general": q^T W k
    - "concat": v^T tanh(W [q; k])

    In a sequence-to-sequence model the query is the decoder's hidden state, and keys and values are the encoder's.
    The softmax runs in float32 under mixed precision too.

    Args:
        score: "dot", "general" or "concat". Parameters: 0, d_q d_k, or units (d_q + d_k) + units.
        units: rows of W with score "concat" (no bias); only that score takes it.

    Call arguments:
        query: tensor `(B, D)`, or `(B, Q, D)` for several queries at once.
        keys: tensor `(B, T, D)`.
        values: tensor `(B, T, Dv)`. Default: the keys.
        mask: boolean tensor `(B, T)`, True where a key counts. Coefficients elsewhere are exactly 0.

    Returns:
        `(context, coefficients)`: `(B, Dv)` and `(B, T)`, or `(B, Q, Dv)` and `(B, Q, T)`. Coefficients sum to 1 over
        T; where the mask leaves nothing of a clip, its coefficients and its context are 0.

    Raises:
        ValueError: `units` and `score`, or the shapes, do not go together.

    Example:

    >>> states = np.random.random((2, 10, 8))  # (B, T, D)
    >>> context, coefficients = DotProductAttention()(states[:, -1], states)
    >>> context.shape, coefficients.shape
    ((2, 8), (2, 10))
    """

    def __init__(self, score="dot", units=None, **kwargs):
        if score not in ("dot", "general", "concat"):
            raise ValueError(f"score must be 'dot', 'general' or 'concat'. Received: score={score!r}")
        if (units is not None) != (score == "concat"):
            raise ValueError(f"units belongs to score='concat', and only to it. Received: score={score!r}, units={units}")
        if units is not None and units < 1:
            raise ValueError(f"units must be at least 1. Received: units={units}")
        super().__init__(**kwargs)
        self.score, self.units = score, units
        self.supports_masking = True

    def build(self, query_shape, keys_shape, values_shape=None, mask_shape=None):
        self._check_shapes(query_shape, keys_shape, values_shape)
        query_size, key_size = query_shape[-1], keys_shape[-1]
        if self.score == "general":
            self.kernel = self.add_weight(shape=(query_size, key_size), name="kernel")
        elif self.score == "concat":
            # Rows as in [q; k]: those of the query first.
            self.kernel = self.add_weight(shape=(query_size + key_size, self.units), name="kernel")
            self.score_kernel = self.add_weight(shape=(self.units,), name="score_kernel")

    def call(self, query, keys, values=None, mask=None):
        return self.weigh(query, keys, self.key_term(keys), values, mask)

    def key_term(self, keys):
        """What the scores take of keys `(B, T, D)` alone: with "concat" W_k k `(B, T, units)`, else the keys."""
        return ops.matmul(keys, self.kernel[-keys.shape[-1] :]) if self.score == "concat" else keys

    def weigh(self, query, keys, key_term, values=None, mask=None):
        """`call`, with the keys' term made beforehand: for many queries, one after the other, to the same keys."""
        values = keys if values is None else values
        single = len(query.shape) == 2
        query = ops.expand_dims(query, 1) if single else query  # (B, Q, D)
        scores = ops.cast(self._scores(query, key_term), "float32")  # (B, Q, T)
        if mask is not None:
            mask = ops.expand_dims(ops.cast(mask, "bool"), 1)  # (B, 1, T)
            # Finite: with minus infinity a row in which everything is masked would be NaN.
            scores = ops.where(mask, scores, -3e38)
        coefficients = ops.softmax(scores, axis=-1)
        if mask is not None:
            coefficients = ops.where(mask, coefficients, 0.0)
        coefficients = ops.cast(coefficients, self.compute_dtype)
        context = ops.matmul(coefficients, values)  # (B, Q, Dv)
        return (context[:, 0], coefficients[:, 0]) if single else (context, coefficients)

    def _scores(self, query, key_term):
        """`(B, Q, T)` from `(B, Q, D)` and the term of the keys."""
        if self.score == "concat":
            # W [q; k] = W_q q + W_k k, so that no (B, Q, T, 2 D) tensor is needed.
            from_query = ops.matmul(query, self.kernel[: query.shape[-1]])[:, :, None]  # (B, Q, 1, units)
            hidden = ops.tanh(from_query + key_term[:, None])  # (B, Q, T, units)
            return ops.matmul(hidden, self.score_kernel[:, None])[..., 0]
        if self.score == "general":
            query = ops.matmul(query, self.kernel)
        return ops.matmul(query, ops.transpose(key_term, (0, 2, 1)))

    def _check_shapes(self, query, keys, values):
        if len(query) not in (2, 3) or len(keys) != 3 or (values is not None and len(values) != 3):
            raise ValueError(
                "DotProductAttention needs a query (B, D) or (B, Q, D), and keys and values (B, T, D). "
                f"Received: query_shape={tuple(query)}, keys_shape={tuple(keys)}, values_shape={values and tuple(values)}"
            )
        if self.score == "dot" and query[-1] != keys[-1]:
            raise ValueError(
                "score='dot' needs a query as long as the keys; score='general' takes other lengths. "
                f"Received: query_shape={tuple(query)}, keys_shape={tuple(keys)}"
            )
        if values is not None and None not in (keys[1], values[1]) and keys[1] != values[1]:
            raise ValueError(f"Every key needs a value. Received: keys_shape={tuple(keys)}, values_shape={tuple(values)}")

    def compute_mask(self, query, previous_mask):
        return None  # it is about the keys

    def compute_output_shape(self, query_shape, keys_shape, values_shape=None, mask_shape=None):
        leading = tuple(query_shape[:-1])
        size = (keys_shape if values_shape is None else values_shape)[-1]
        return (*leading, size), (*leading, keys_shape[1])

    def get_config(self):
        return {**super().get_config(), "score": self.score, "units": self.units}
