"""`videorec.layers.TimeDistributed` against Keras's own: the first train step with all that precedes it, and the next."""

import gc

import keras
import numpy as np

from videorec import layers
from videorec.tools.benchmark.figures import Figure, in_turns, ratio, seconds

PART = "time_distributed"
FIRST_STEP = "first train step (build, compile, trace, run)"
CLASSES = 10


def classifier(time_distributed, steps: int, size: int) -> keras.Model:
    """MobileNetV2 (alpha 0.35, from scratch, trained) over each of `steps` frames, their mean, a linear classifier."""
    cnn = keras.applications.MobileNetV2((size, size, 3), 0.35, include_top=False, weights=None, pooling="avg")
    frames = keras.Input((steps, size, size, 3))  # (B, T, H, W, 3)
    x = time_distributed(cnn)(frames)  # (B, T, 1280)
    x = keras.layers.GlobalAveragePooling1D()(x)
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


def measure(rounds: int = 3, size: int = 112, short: int = 8, long: int = 32, batch: int = 8, more: int = 10):
    """The figures.

    Args:
        rounds: of first steps, and of train steps times `more`.
        size: side of a frame.
        short, long: frames of a clip (T); `batch` clips of `short` frames a step.
        more: train steps a round once the graph exists.
    """
    small = batch * short // long  # clips of the long kind with as many frames a step
    ours, keras_own = layers.TimeDistributed, keras.layers.TimeDistributed
    variants = {
        "ours": (ours, batch, short),
        "keras": (keras_own, batch, short),
        "ours, long, same frames": (ours, small, long),
        "ours, long, same batch": (ours, batch, long),
    }

    def anew(variant):
        keras.backend.clear_session()
        gc.collect()
        return seconds(lambda: first_step(*variant, size))

    jobs = {name: (lambda variant=variant: anew(variant)) for name, variant in variants.items()}
    anew((ours, 1, 2))  # what happens once a process belongs to nobody
    first = in_turns(jobs, rounds)
    steady = _steady({name: variants[name] for name in ("ours", "keras")}, rounds, size, more)
    return [*_first_figures(first, short, long, batch, small), *_steady_figures(steady, short, batch)]


def _steady(variants: dict, rounds: int, size: int, more: int) -> dict[str, list[float]]:
    """Times of train steps, taking turns step by step."""
    keras.backend.clear_session()
    jobs = {}
    for name, (time_distributed, batch, steps) in variants.items():
        model, clips = first_step(time_distributed, batch, steps, size), _clips(batch, steps, size)
        model.train_on_batch(*clips)  # traces once more: fed another way than by fit
        jobs[name] = lambda model=model, clips=clips: seconds(lambda: model.train_on_batch(*clips))
    return in_turns(jobs, rounds * more)


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
