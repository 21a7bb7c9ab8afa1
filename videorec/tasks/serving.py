"""A run's model as it is exported: what goes in, what comes out, and on what it is compared with Keras."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from videorec import models
from videorec.inference import graphs
from videorec.runs.run import Run

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
    def examples(self, number: int) -> list[Clip]:
        """Real examples; fewer, or none, where the data are not at hand (a run that was moved), and the log says why."""

    def tolerance(self) -> float:
        """Largest difference to Keras, times `slack` of the output: what the run's model allows."""
        return models.export_tolerance(self.run.experiment.model)

    def raw_example(self) -> tuple[Clip, Clip] | None:
        """The same clip at its video's own size and as the pipeline resizes it; None where nothing is resized in the graph, or
        no video is at hand."""
        return None

    def recipe(self, form: str, quantize: str = "none", streaming: bool = False) -> dict:
        """The run's recipe (`videorec.runs.recipe`) and what the export is: for whoever holds the export alone.

        Args:
            form: saved_model, tflite or onnx.
            quantize: none, dynamic, float16 or int8.
            streaming: whether it takes one frame at a time and its states.
        """
        return self.run.recipe | {"export": {"form": form, "quantize": quantize, "streaming": streaming}}
