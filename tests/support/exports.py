"""Functions, layers and models as they run once exported: from a SavedModel, and from TFLite of built-in operations.

`saved_model` and `tflite` export what a test has built; `SavedModel` and `TFLite` open files. All give NumPy arrays.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np


def saved_model(function: Callable, inputs) -> Callable:
    """`function` after a SavedModel for any batch: the result takes and gives what `function` does, in NumPy.

    Args:
        function: a built layer or model, or a function of such.
        inputs: what it takes, an array or a list or dict of arrays, of which shapes and types are read. In place of an array
            stands `keras.Input` or `tf.TensorSpec` where other axes than the batch are to stay open.
    """
    (model,) = _exported(function, inputs, None, SavedModel)
    return model


def tflite(function: Callable, inputs) -> Callable:
    """As `saved_model`, after TFLite: converted for a batch of 1; a larger batch runs an example at a time."""
    (model,) = _exported(function, inputs, 1, _converted)
    return model


def both(function: Callable, inputs) -> tuple[Callable, Callable]:
    """The same graph, for a batch of 1, as a SavedModel and as TFLite."""
    return _exported(function, inputs, 1, SavedModel, _converted)


class SavedModel:
    """A SavedModel: `model(name=array)` gives a dict of arrays.

    Attributes:
        signatures: their names.
    """

    def __init__(self, folder: Path | str):
        import tensorflow as tf

        self._loaded = tf.saved_model.load(str(folder))  # kept: its graphs live as long as it does
        self.signatures = list(self._loaded.signatures)

    def __call__(self, signature: str = "serving_default", /, **inputs) -> dict[str, np.ndarray]:
        import tensorflow as tf

        function = self._loaded.signatures[signature]
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}


class TFLite:
    """A TFLite model of one signature and batch 1, built-in operations only: `model(name=array)` gives a dict of arrays.

    Attributes:
        inputs: `{name: (shape, dtype)}`.
    """

    def __init__(self, model: Path | str | bytes):
        import tensorflow as tf

        given = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
        interpreter = tf.lite.Interpreter(**given)
        operations = {operation["op_name"] for operation in interpreter._get_ops_details()}
        others = [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]
        assert not others, f"operations that are not built in: {others}"
        self._runner = interpreter.get_signature_runner()
        details = self._runner.get_input_details().items()
        self.inputs = {name: (tuple(map(int, x["shape"])), np.dtype(x["dtype"])) for name, x in details}

    def __call__(self, **inputs) -> dict[str, np.ndarray]:
        batch = len(next(iter(inputs.values())))
        rows = [self._runner(**{name: x[row : row + 1] for name, x in inputs.items()}) for row in range(batch)]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _converted(folder: str) -> TFLite:
    """A SavedModel as TFLite."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return TFLite(converter.convert())


def _exported(function, inputs, batch, *opened: Callable[[str], SavedModel | TFLite]) -> tuple[Callable, ...]:
    """`function` traced for a batch, saved, and opened again in each way."""
    import tensorflow as tf

    names = list(inputs) if isinstance(inputs, dict) else [f"in{i}" for i in range(len(keras.tree.flatten(inputs)))]
    values = inputs.values() if isinstance(inputs, dict) else keras.tree.flatten(inputs)
    specs = {name: tf.TensorSpec((batch, *x.shape[1:]), x.dtype, name) for name, x in zip(names, values, strict=True)}
    structure = None

    def given(named):
        return named if isinstance(inputs, dict) else keras.tree.pack_sequence_as(inputs, [named[name] for name in names])

    @tf.function
    def flat(**named):
        nonlocal structure
        structure = function(given(named))
        return {f"out{i}": x for i, x in enumerate(keras.tree.flatten(structure))}

    graph = flat.get_concrete_function(**specs)
    module = tf.Module()
    module.weights = graph.variables  # tracked, so that they are saved
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=graph)
        models = [way(folder) for way in opened]

    def run(model, x):
        named = x if isinstance(x, dict) else dict(zip(names, keras.tree.flatten(x), strict=True))
        outputs = model(**named)
        return keras.tree.pack_sequence_as(structure, [outputs[f"out{i}"] for i in range(len(outputs))])

    return tuple(functools.partial(run, model) for model in models)
