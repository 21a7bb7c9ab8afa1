"""A step of a stream against its CNN alone, against a window of frames that is run again at every frame, and its memory.

MobileNetV2 0.35 at 112 px with random weights, one video at a time; a step is `Stream.push` of a frame, arrays in and out,
with the weights of the CNN as constants.

The operations of so small a network on one frame are too short to be shared among threads: TF_NUM_INTRAOP_THREADS=1 in the
environment makes a step about twice as fast. TensorFlow Lite runs on one thread here.
"""

import dataclasses
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from videorec import models
from videorec.inference import graphs
from videorec.inference.step_model import StepModel
from videorec.inference.stream import Stream
from videorec.models.split import backbone_layers
from videorec.tools.benchmark.figures import Figure, in_turns, ratio, seconds

PART = "stream"
CLASSES, WINDOW = 101, 16
# `(model, settings, most that a step may cost over its CNN)`: vectors and maps.
MODELS = [
    ("lrcn", {}, 1.15),
    ("fc_lstm", {}, 1.15),
    ("multi_lstm", {}, 1.15),
    ("short_snippets_lstm", {}, 1.15),
    ("attention_lstm", {}, 1.15),
    ("conv_lstm", {"tap": "map"}, 1.5),
]


class Turn:
    """Milliseconds of a call; its processor time, which a load meets less, is kept in `cpu`.

    Args:
        job: called once here, where no time is taken.
    """

    def __init__(self, job: Callable[[], object]):
        self.job, self.cpu = job, []
        job()

    def __call__(self) -> float:
        cpu = time.process_time()
        took = 1000 * seconds(self.job)
        self.cpu.append(1000 * (time.process_time() - cpu))
        return took


def measure(
    rounds: int = 31,
    frames: int = 10_000,
    names: tuple[str, ...] = tuple(name for name, *_ in MODELS),
    backbone: str = "mobilenet_v2_035",
    size: int = 112,
) -> list[Figure]:
    """The figures.

    Args:
        rounds: turns of each candidate, of one step or one window.
        frames: length of the stream whose memory is measured.
        names: of `MODELS`, the first of which also runs in TensorFlow Lite.
        backbone, size: the CNN, and the side of its frames.
    """
    rows = []
    for number, (name, settings, bound) in enumerate(row for row in MODELS if row[0] in names):
        model = models.build(name, {"rgb": (None, size, size, 3)}, CLASSES, backbone=backbone, weights=None, **settings)
        rows += _against_cnn_and_window(name, model, bound, rounds, size, lite=number == 0)
    return [*rows, memory(frames)]


def _against_cnn_and_window(name, model, bound, rounds, size, lite) -> list[Figure]:
    clip = np.random.default_rng(0).integers(0, 256, (1, WINDOW, size, size, 3), np.uint8)
    frame = clip[:, :1]
    stream, cnn = Stream(model, constant=True), backbone_layers(model)["rgb"].layer
    jobs = {
        "cnn": _compiled(cnn, tf.TensorSpec((1, size, size, 3), "uint8"), clip[0, :1]),
        "step": lambda: stream.push({"rgb": frame}),
        "window": _compiled(lambda x: model({"rgb": x}), tf.TensorSpec(clip.shape, "uint8"), clip),
    }
    if lite:
        jobs["lite"] = _lite_step(model, frame)
        jobs["lite window"] = _lite_window(model, clip)
    turns = {key: Turn(job) for key, job in jobs.items()}
    times = in_turns(turns, rounds)
    cpu = {key: turn.cpu for key, turn in turns.items()}
    weights = sum(weight.numpy().nbytes for weight in model.weights) / 1e6
    row = ratio(PART, f"{name}: step / CNN alone ({weights:.0f} MB of weights)", times["step"], times["cnn"], "ms", bound)
    rows = [dataclasses.replace(row, detail=f"{row.detail}; by processor time {_median_ratio(cpu['step'], cpu['cnn']):.2f}")]
    rows.append(_times_faster(f"{name}: {WINDOW} frames again / step", times["window"], times["step"], 5))
    if lite:
        rows.append(_times_faster(f"{name}: {WINDOW} frames in TensorFlow / TFLite step", times["window"], times["lite"], 10))
        rows.append(
            _times_faster(f"{name}: {WINDOW} frames in TFLite / TFLite step", times["lite window"], times["lite"], None)
        )
    return rows


def _times_faster(name: str, times: list[float], base: list[float], least: float | None) -> Figure:
    row = ratio(PART, name, times, base, "ms", None)
    value = _median_ratio(times, base)
    return row if least is None else Figure(PART, name, row.value, row.detail, f">= {least:g}", value >= least)


def _median_ratio(times, base) -> float:
    return statistics.median(a / b for a, b in zip(times, base, strict=True))


def _compiled(function: Callable, spec: tf.TensorSpec, array: np.ndarray) -> Callable:
    """`function` of an array, arrays in and out."""
    graph = tf.function(function, autograph=False).get_concrete_function(spec)
    return lambda: tf.nest.map_structure(lambda y: y.numpy(), graph(tf.constant(array)))


def _lite_step(model, frame) -> Callable:
    step = StepModel(model)
    states = step.initial_states(1)
    specs = {"frames": tf.TensorSpec(frame.shape, "uint8", "frames")}
    specs |= {name: tf.TensorSpec(x.shape, x.dtype, name) for name, x in states.items()}
    call = _lite(model, lambda given: step.model({"rgb": given.pop("frames"), **given}), specs)
    kept = {name: x.numpy() for name, x in states.items()}

    def job():
        results = call(frames=frame, **kept)
        kept.update((name, results[name]) for name in kept)

    return job


def _lite_window(model, clip) -> Callable:
    call = _lite(model, lambda given: model({"rgb": given["frames"]}), {"frames": tf.TensorSpec(clip.shape, "uint8", "frames")})
    return lambda: call(frames=clip)


def _lite(model, predict: Callable, specs: dict) -> Callable:
    """A function of named tensors in TensorFlow Lite."""
    with tempfile.TemporaryDirectory() as folder:
        graphs.save(model, {"serving_default": graphs.trace(predict, specs)}, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = tf.lite.Interpreter(model_content=converter.convert(), num_threads=1)
    return interpreter.get_signature_runner()


def memory(frames: int) -> Figure:
    """What a stream of `frames` frames adds to the memory of this process after its first tenth."""
    model = models.build("attention_lstm", {"rgb": (None, 32, 32, 3)}, CLASSES, backbone="tiny", weights=None)
    stream, frame = Stream(model), np.zeros((1, 1, 32, 32, 3), np.uint8)
    sizes = []
    for count in (max(frames // 10, 1), frames - max(frames // 10, 1)):
        for _ in range(count):
            stream.push({"rgb": frame})
        sizes.append(resident())
    more = sizes[1] - sizes[0]
    detail = f"{sizes[1]:.0f} MB after {frames} frames, {sizes[0]:.0f} MB after a tenth; attention_lstm on a small CNN"
    return Figure(PART, f"memory: growth over {frames} frames", f"{more:+.1f} MB", detail, "<= 20 MB", more <= 20)


def resident() -> float:
    """Memory that this process holds now, in MB; 0 where the system does not say."""
    try:
        return int(re.search(r"VmRSS:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))[1]) / 1024
    except OSError:  # not Linux
        return 0.0
