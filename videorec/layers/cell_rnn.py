"""`CellRNN`: what the recurrent layers share that take their cell's options beside their own."""

import keras

# What a layer keeps for itself; all other options are its cell's.
LAYER_OPTIONS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
    "activity_regularizer",
)


class CellRNN(keras.layers.RNN):
    """`keras.layers.RNN` that makes its cell itself, and whose config holds the cell's options beside its own.

    Args:
        *arguments: of the cell.
        name, dtype, trainable: as in every Keras layer.
        **options: those of `keras.layers.RNN`, `activity_regularizer`, and all others of the cell.

    Attributes:
        cell_class: class of the cell; subclasses set it.
        cell_name: name of the cell.
        causal: whether the output of a step depends on no later one.
    """

    cell_class = None
    cell_name = "cell"

    def __init__(self, *arguments, name=None, dtype=None, trainable=True, **options):
        layer_options = {key: options.pop(key) for key in LAYER_OPTIONS if key in options}
        cell = self.cell_class(*arguments, name=self.cell_name, dtype=dtype, trainable=trainable, **options)
        super().__init__(cell, name=name, dtype=dtype, trainable=trainable, **layer_options)

    @property
    def causal(self):
        return not self.go_backwards

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return {**self.cell.get_config(), **config}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
