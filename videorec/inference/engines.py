"""A model in any of its forms, Keras, SavedModel or TFLite: a function from clips to outputs, or frame by frame."""

import hashlib
import math
import mmap
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from videorec.config import UserError
from videorec.config.native_notes import native_notes_hidden
from videorec.inference import saved_graph
from videorec.inference.graphs import Tensors
from videorec.runs import recipe as recipes
from videorec.storage import archives, outside

Clips = dict[str, np.ndarray]  # {stream: (B, T, H, W, C)}
Predict = Callable[[Clips], dict[str, np.ndarray]]
REMEDY = "Export the run anew"
OF_TFLITE = "It must be a TFLite file of export.tflite, whole"
LARGEST_STATE = 1 << 30  # values: what a file of a few bytes may ask for


def keras_engine(predict: Callable[[Tensors], Tensors]) -> Predict:
    """What `predict` computes of tensors, any number of clips at a time, as a graph."""
    call = tf.function(predict, reduce_retracing=True)
    return lambda clips: _arrays(call({stream: tf.constant(clip) for stream, clip in clips.items()}))


def saved_model_engine(folder: Path, names: dict[str, str]) -> Predict:
    """The SavedModel's `clips`; of forecasters, and of older exports, `serving_default`.

    Args:
        names: of its inputs, by stream.
    """
    with outside.reading(folder, REMEDY):
        loaded = saved_graph.load(folder)
        signature = loaded.signatures["clips" if "clips" in loaded.signatures else "serving_default"]

    def predict(clips):
        assert loaded is not None  # the signature alone does not keep the variables alive
        return _arrays(signature(**{names[stream]: tf.constant(clip) for stream, clip in clips.items()}))

    return predict


def tflite_engine(path: Path, names: dict[str, str]) -> Predict:
    """The TFLite file, which takes one clip at a time.

    Args:
        names: of its inputs, by stream.

    Raises:
        UserError: no TFLite file, or a damaged one.
    """
    runner = tflite_runner(path)

    def predict(clips):
        batch = len(next(iter(clips.values())))
        rows = [runner({names[stream]: clip[i : i + 1] for stream, clip in clips.items()}) for i in range(batch)]
        return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}

    return predict


def tflite_recipe(path: Path, remedy: str = OF_TFLITE) -> dict:
    """The recipe that lies in a TFLite file.

    Args:
        remedy: what would do where there is none, a sentence without its full stop.

    Raises:
        UserError: it holds none, or one of a later version.
    """
    with outside.reading(path, remedy):
        if path.is_file() and not zipfile.is_zipfile(path):  # at the end of one of ours stands an archive
            raise ValueError("it holds no recipe")
        with zipfile.ZipFile(path) as archive:
            archives.check(archive)
            _check_sum(path, archive)
            return recipes.parse(archive.read(recipes.NAME), f"{recipes.NAME} in {path}")


def _check_sum(path: Path, archive: zipfile.ZipFile) -> None:
    """Compare what stands before the archive with its checksum; files of version 0.1.0 have none."""
    if recipes.CHECKSUM in archive.namelist():
        with open(path, "rb") as file:
            model = file.read(min(member.header_offset for member in archive.infolist()))
        if hashlib.sha256(model).hexdigest() != archive.read(recipes.CHECKSUM).decode():
            raise ValueError("bytes of it were changed since it was written")


def tflite_runner(path: Path) -> Predict:
    """The signature of a TFLite file: `{input: array}` to `{output: array}`, of just the shapes and types that it names.

    Raises:
        UserError: no TFLite file, or a damaged one. When called, a ValueError: other inputs.
    """
    with outside.reading(path, OF_TFLITE), native_notes_hidden():
        _check_operations(path)
        interpreter = _interpreter()(str(path), num_threads=os.cpu_count())
        interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner()
        details = runner.get_input_details().items()
        specs = {name: (tuple(map(int, x["shape"])), np.dtype(x["dtype"])) for name, x in details}

    def run(given):
        if given.keys() != specs.keys():
            raise ValueError(f"{path} takes the inputs {', '.join(sorted(specs))}. Received: {', '.join(sorted(given))}")
        for name, x in given.items():
            if (x.shape, x.dtype) != specs[name]:  # the interpreter would take other shapes, and compute anything
                shape, dtype = specs[name]
                raise ValueError(f"{name} of {path} must be {shape} {dtype}. Received: {x.shape} {x.dtype}")
        return runner(**given)

    return run


def onnx_engine(path: Path, names: dict[str, str]) -> Predict:
    """The ONNX file.

    Args:
        names: of its inputs, by stream.

    Raises:
        UserError: onnxruntime is not installed, or no ONNX file, or a damaged one.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(f"{path} needs onnxruntime: pip install onnxruntime") from error
    with outside.reading(path, "It must be an ONNX file of export.onnx, whole"):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        outputs = [output.name for output in session.get_outputs()]
    return lambda clips: dict(zip(outputs, session.run(outputs, {names[s]: x for s, x in clips.items()}), strict=True))


class Stepper:
    """An export that runs frame by frame, with its states inside; as `videorec.inference.stream.Stream`, one frame at a time.

    Delayed outputs of the last frames are not known to it: `end` gives none.

    Args:
        run: one step: `{input or state: array}` to outputs and new states.
        recipe: of the export, with `delays` and `running`.
        start: the states before the first frame.
    """

    def __init__(self, run: Predict, recipe: dict, start: dict[str, np.ndarray]):
        self._run, self._start = run, start
        self._names = {stream: entry["input"] for stream, entry in recipe["streams"].items()}
        self.delays, self.running = recipe["delays"], tuple(recipe["running"])
        self.reset()

    def push(self, inputs: Clips) -> dict[str, np.ndarray]:
        """What is known with this frame, `{name: (1, t, ...)}`: t = 1, or 0 of delayed outputs near the start.

        Args:
            inputs: `{stream: (1, 1, H, W, C)}`, of the recipe's size before it is cropped.
        """
        frames = {self._names[stream]: x[:, 0] for stream, x in inputs.items()}
        outputs = self._run(frames | self._states)
        self._states = {name: outputs[name] for name in self._states}
        self._seen += 1
        steps = {name: outputs[name][:, None] if name in self.running else outputs[name] for name in self.delays}
        return {name: x if self._seen > self.delays[name] else x[:, :0] for name, x in steps.items()}

    def end(self) -> dict[str, np.ndarray]:
        """Nothing more. The next `push` begins another sequence."""
        self.reset()
        return {}

    def reset(self) -> None:
        """Forget what came."""
        self._states, self._seen = dict(self._start), 0


def tflite_stepper(path: Path, recipe: dict) -> Stepper:
    """A TFLite file of `--streaming`.

    Raises:
        UserError: no TFLite file, or a damaged one.
    """
    runner = tflite_runner(path)
    with outside.reading(path, OF_TFLITE):
        start = {name: _start(entry) for name, entry in recipe["states"].items()}
        return Stepper(runner, recipe, start)


def saved_model_stepper(folder: Path, recipe: dict) -> Stepper:
    """The signature `stream` of a SavedModel."""
    with outside.reading(folder, REMEDY):
        loaded = saved_graph.load(folder)
        step, start = loaded.signatures["stream"], loaded.signatures["stream_start"](batch=tf.constant(1))

        def run(given):
            assert loaded is not None  # as above
            return _arrays(step(**{name: tf.constant(x) for name, x in given.items()}))

        return Stepper(run, recipe, _arrays(start))


def over_clips(stepper: Stepper) -> Predict:
    """A stepper over whole clips: outputs that join the steps as they are after the last one, all others a step a frame."""

    def one(clip):
        stepper.reset()
        frames = min(len(x) for x in clip.values())
        rows = [stepper.push({stream: x[None, t : t + 1] for stream, x in clip.items()}) for t in range(frames)]
        return {k: rows[-1][k][:, -1] if k in stepper.running else np.concatenate([r[k] for r in rows], 1) for k in rows[0]}

    def predict(clips):
        rows = [one(dict(zip(clips, clip, strict=True))) for clip in zip(*clips.values(), strict=True)]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    return predict


def _start(entry: dict) -> np.ndarray:
    if math.prod(entry["shape"]) > LARGEST_STATE:
        raise ValueError(f"a state has the shape {entry['shape']}")
    return np.full(entry["shape"], float(entry.get("start", 0)), entry["dtype"])


def _interpreter():
    """The interpreter of ai-edge-litert where it is installed, which TensorFlow's makes way for."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        return tf.lite.Interpreter
    return Interpreter


def _check_operations(path: Path) -> None:
    """Refuse operations that TFLite does not have itself: TensorFlow would run them in its place, and they may write files."""
    from tensorflow.lite.python.schema_py_generated import Model  # half a second, where no TFLite file is read

    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        model = Model.GetRootAs(content)
        names = [model.OperatorCodes(number).CustomCode() for number in range(model.OperatorCodesLength())]
    others = sorted({name.decode(errors="replace") for name in names if name})
    if others:
        raise ValueError(f"it holds {', '.join(others)}, which is no operation of TFLite, and is not run")


def _arrays(outputs: dict) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in outputs.items()}
