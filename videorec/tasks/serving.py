"""A run's model as it is exported: what goes in, what comes out, and on what it is compared with Keras."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.inference import graphs
from videorec.inference.step_model import StepModel
from videorec.runs.run import Run

SPLITS = ("test", "val", "train")
Clip = dict[str, np.ndarray]  # {stream: (T, H, W, C)}


class Serving(ABC):
    """How the model of one run is exported.

    Attributes:
        unit: what one example is called.
        compared: `{output: what it is called}` of the outputs that are compared with Keras.
        slack: `{output: factor}` by which its differences may pass `tolerance()`.
    """

    unit: ClassVar[str]
    compared: ClassVar[dict[str, str]]
    slack: ClassVar[dict[str, int]]

    def __init__(self, run: Run):
        self.run = run

    @abstractmethod
    def rebuild(self, model: keras.Model) -> keras.Model:
        """The network of `model` with new weights, in the dtype policy of now."""

    @abstractmethod
    def inputs(self, model: keras.Model) -> dict[str, tf.TensorSpec]:
        """`{stream: spec of one example, (1, T, H, W, C)}`, named as in the export."""

    @abstractmethod
    def predict(self, model: keras.Model, clips: graphs.Tensors) -> graphs.Tensors:
        """The outputs for any number of such examples, `{stream: (B, T, H, W, C)}`."""

    @abstractmethod
    def signatures(self, model: keras.Model) -> dict[str, Callable[[], graphs.Graph]]:
        """What makes each of the SavedModel's, by name."""

    @abstractmethod
    def examples(self, number: int, splits: Sequence[str] = SPLITS) -> list[Clip]:
        """Real examples, spread over the first split; of the next ones where it has too few. Fewer, or none, where the data are
        not at hand (a run that was moved), and the log says why."""

    def tolerance(self) -> float:
        """Largest difference to Keras, times `slack` of the output: what the run's model allows."""
        return models.export_tolerance(self.run.experiment.model)

    def labelled(self, number: int) -> Iterator[tuple[list[Clip], int]]:
        """Test videos, spread: the clips of an evaluation, and the class. None where a video has not one class, or none is at
        hand."""
        yield from ()

    def answer(self, model: keras.Model, clip: Callable[[tf.Tensor], graphs.Tensors], clips: int | tf.Tensor) -> graphs.Tensors:
        """The outputs of each video for its clips, as an evaluation joins them.

        Args:
            clip: gives one of them by its number, `{stream: (B, T, H, W, C)}` as `predict` takes it.
            clips: their number, a scalar tensor where only the graph knows it.
        """
        return self.predict(model, clip(tf.constant(0)))

    def with_inputs(self, model: keras.Model) -> keras.Model:
        """The model with the inputs of `inputs`, any number of examples at a time: what `predict` does as one Keras model."""
        specs = self.inputs(model)
        given = {stream: keras.Input(spec.shape[1:], dtype=spec.dtype.name, name=spec.name) for stream, spec in specs.items()}
        outputs = model({stream: self.centre(x, stream) for stream, x in given.items()})
        return keras.Model({specs[stream].name: x for stream, x in given.items()}, outputs, name=model.name)

    def centre(self, frames: keras.KerasTensor, stream: str) -> keras.KerasTensor:
        """What the model sees of `(B, T, H, W, C)`."""
        return frames

    # === Frame by frame ===

    def step_model(self, model: keras.Model) -> StepModel:
        """The model one step at a time.

        Raises:
            UserError: it cannot run so, and why.
        """
        return StepModel(model)

    def step_inputs(self, step: StepModel) -> dict[str, tf.TensorSpec]:
        """`{stream: spec of one frame (1, H, W, C)}`, named as in the export, and `{state: spec (1, ...)}`."""
        names = {stream: entry["input"] for stream, entry in self.run.recipe["streams"].items()}
        shapes = {stream: (1, *self.frame_shape(step, stream)) for stream in names}
        frames = {stream: tf.TensorSpec(shapes[stream], step.inputs[stream].dtype, name) for stream, name in names.items()}
        states = {name: tf.TensorSpec(x.shape, x.dtype, name) for name, x in step.initial_states(1).items()}
        return frames | states

    def frame_shape(self, step: StepModel, stream: str) -> tuple[int, int, int]:
        """`(H, W, C)` of a frame that `step` takes."""
        return tuple(step.inputs[stream].shape[2:])

    def step(self, step: StepModel, given: graphs.Tensors) -> graphs.Tensors:
        """Outputs and new states: of frames `{stream: (B, H, W, C)}` and states."""
        frames = {stream: given[stream][:, None] for stream in step.inputs}
        return step.model(frames | {name: x for name, x in given.items() if name not in frames})

    # === What is said of it ===

    def recipe(self, form: str, quantize: str = "none", streaming: bool = False, step: StepModel | None = None) -> dict:
        """The run's recipe (`videorec.runs.recipe`) and what the export is: for whoever holds the export alone.

        Args:
            form: saved_model, tflite or onnx.
            quantize: none, dynamic, float16 or int8.
            streaming: whether it takes nothing but one frame at a time and its states.
            step: given where the export runs frame by frame: the recipe says how.
        """
        recipe = self.run.recipe | {"export": {"form": form, "quantize": quantize, "streaming": streaming}}
        if step:
            states = {name: _state(x.numpy()) for name, x in step.initial_states(1).items()}
            recipe |= {"states": states, "delays": step.delays, "running": list(step.running)}
        return recipe


def spread(items: Sequence, number: int) -> list:
    """The items, so that the first `number` are spread evenly."""
    first = np.unique(np.linspace(0, len(items) - 1, min(number, len(items))).astype(int)) if items else []
    rest = sorted({*range(len(items))} - {*first})
    return [items[index] for index in [*first, *rest]]


def _state(values: np.ndarray) -> dict:
    """Shape and type of a state, and what it is full of at first where that is not 0."""
    entry = {"shape": list(values.shape), "dtype": values.dtype.name}
    start = np.unique(values)
    if len(start) > 1:
        raise ValueError(f"A state starts from one value. Received: {start[:5]}")
    return entry if not start.any() else entry | {"start": str(start[0])}
