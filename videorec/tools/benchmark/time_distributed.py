"""`videorec.layers.TimeDistributed` against Keras's own: the first train step with all before it, and later steps."""

import functools
import gc

import keras
import numpy as np

from videorec import layers
from videorec.tools.benchmark.figures import Figure, in_turns, ratio, seconds

PART = "time_distributed"
FIRST_STEP = "first train step (build, compile, trace, run)"
CLASSES = 10


def network(size: int) -> keras.Layer:
    """The CNN over a frame: MobileNetV2 (alpha 0.35) from scratch, trained."""
    return keras.applications.MobileNetV2((size, size, 3), 0.35, include_top=False, weights=None)


def classifier(time_distributed, steps: int, size: int) -> keras.Model:
    """The CNN over each of `steps` frames, the mean over space and time, a linear classifier."""
    frames = keras.Input((steps, size, size, 3))  # (B, T, H, W, 3)
    x = time_distributed(network(size))(frames)  # (B, T, H', W', C)
    x = keras.layers.GlobalAveragePooling3D()(x)
    return keras.Model(frames, keras.layers.Dense(CLASSES)(x))


def first_step(time_distributed, batch: int, steps: int, size: int) -> keras.Model:
    """Build, compile and fit one step; the model that can go on."""
    model = classifier(time_distributed, steps, size)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.fit(*_clips(batch, steps, size), batch_size=batch, verbose=0)
    return model


def _clips(batch: int, steps: int, size: int):
    rng = np.random.default_rng(0)
    return rng.random((batch, steps, size, size, 3), np.float32), rng.integers(0, CLASSES, batch)


def measure(rounds: int = 3, size: int = 112, short: int = 8, long: int = 32, batch: int = 8) -> list[Figure]:
    """The figures.

    Args:
        rounds: in each, every variant is built anew once, and then goes on for some steps.
        size: side of a frame.
        short, long: frames of a clip (T); `batch` clips of `short` frames a step.
    """
    small = batch * short // long  # clips of the long kind with as many frames a step
    ours, keras_own = layers.TimeDistributed, keras.layers.TimeDistributed
    variants = {
        "ours": (ours, batch, short, size),
        "keras": (keras_own, batch, short, size),
        "ours, long, same frames": (ours, small, long, size),
        "ours, long, same batch": (ours, batch, long, size),
    }
    first_step(ours, 1, 2, size)  # what happens once a process counts for nobody
    first, steady, models = {name: [] for name in variants}, {"ours": [], "keras": []}, {}
    begin = {name: functools.partial(_anew, models, name, variants[name]) for name in variants}
    go_on = {name: functools.partial(_go_on, models, name, variants[name]) for name in steady}
    for _ in range(rounds):
        for name, times in in_turns(begin, 1).items():
            first[name] += times
        for name, times in in_turns(go_on, 4).items():
            steady[name] += times
    return [*_first_figures(first, short, long, batch, small), *_steady_figures(steady, short, batch)]


def _anew(models: dict[str, keras.Model], name: str, variant: tuple) -> float:
    """Time of a first step; the model is kept in `models`."""
    models.pop(name, None)
    keras.backend.clear_session()
    gc.collect()

    def job():
        models[name] = first_step(*variant)

    return seconds(job)


def _go_on(models: dict[str, keras.Model], name: str, variant: tuple, count: int = 3) -> float:
    """Time of one of `count` train steps of a graph that exists."""
    _, batch, steps, size = variant
    clips = _clips(batch * count, steps, size)
    return seconds(lambda: models[name].fit(*clips, batch_size=batch, verbose=0)) / count


def _first_figures(first: dict[str, list[float]], short: int, long: int, batch: int, small: int) -> list[Figure]:
    ours, same_frames, same_batch = first["ours"], first["ours, long, same frames"], first["ours, long, same batch"]
    grows = f"{FIRST_STEP}, T={long} / T={short}"
    equal = f"{grows}, {batch * short} frames a step in both (B={small} / B={batch})"
    naive = f"{grows}, B={batch} in both: {long / short:g} times the frames to compute"
    return [
        ratio(PART, f"{FIRST_STEP}, T={short}, B={batch}: ours / Keras's", ours, first["keras"], "s", 0.2),
        ratio(PART, f"ours, {equal}", same_frames, ours, "s", 1.5),
        ratio(PART, f"ours, {naive}", same_batch, ours, "s", None),
    ]


def _steady_figures(steady: dict[str, list[float]], short: int, batch: int) -> list[Figure]:
    name = f"train step, T={short}, B={batch}: ours / Keras's"
    return [ratio(PART, name, steady["ours"], steady["keras"], "s", 0.8)]
