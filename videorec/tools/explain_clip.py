"""What is to be shown of a recogniser's answer: maps, checks, probabilities over time, the frames that matter most."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from videorec.config import UserError
from videorec.data import augment
from videorec.data.manifest import Video
from videorec.data.pictures import Unreadable
from videorec.inference import saliency
from videorec.inference.explain import attention_over_clip
from videorec.inference.predictor import attention_of
from videorec.inference.reading import READERS
from videorec.inference.saliency import Check
from videorec.runs import recipe as recipes
from videorec.runs.run import Run

TOLD = 3  # frames that matter most
ATTENTION, GRADIENT = "attention", "gradient"
LITTLE = 0.05  # of probability: a change that changes no mind


@dataclass(frozen=True, eq=False)
class Map:
    """Where a model looks, or what its answer hangs on.

    Attributes:
        kind: `ATTENTION` or `GRADIENT`.
        values: `{stream: (T, h, w)}`, not negative; h = w = 1 where it is over frames alone.
        check: by occlusion.
    """

    kind: str
    values: dict[str, np.ndarray]
    check: Check

    @property
    def over_places(self) -> bool:
        """Whether it tells the places of a frame apart."""
        return any(values[0].size > 1 for values in self.values.values())


@dataclass(frozen=True, eq=False)
class Explained:
    """An answer and what it hangs on.

    Attributes:
        video: its name.
        clip: `{stream: (T, H, W, 3)}` uint8, as the model takes it.
        classes: C names.
        probabilities: `(C,)`, and `steps` `(S, C)` after each step of each output of steps, `{output: ...}`.
        label: number of the class that is explained.
        without: `(T,)` its probability where a frame is masked.
        interval: seconds from frame to frame in training, None where that is not known.
    """

    video: str
    clip: dict[str, np.ndarray]
    encodings: dict[str, str]
    classes: tuple[str, ...]
    probabilities: np.ndarray
    steps: dict[str, np.ndarray]
    label: int
    maps: tuple[Map, ...]
    without: np.ndarray
    interval: float | None

    @property
    def matter_most(self) -> list[int]:
        """The frames without which the answer changes most, the first of them most of all."""
        change = np.abs(saliency.logits(self.without) - saliency.logits(self.probabilities[self.label]))
        return [int(k) for k in np.argsort(-change, kind="stable")[:TOLD]]

    def lines(self) -> list[str]:
        """In words, for the terminal."""
        best = np.argsort(-self.probabilities, kind="stable")[:5]
        name, p = self.classes[self.label], self.probabilities[self.label]
        answers = ", ".join(f"{self.classes[k]} {self.probabilities[k]:.3f}" for k in best)
        frames = ", ".join(f"{k + 1} (without it {self.without[k]:.3f})" for k in self.matter_most)
        return [
            f"{self.video}: {answers}",
            f"explained: {name}, {p:.3f}. The frames that matter most, of {len(self.without)}: {frames}",
            *(verdict(each, name) for each in self.maps),
        ]


def verdict(shown: Map, name: str) -> str:
    """What the check of a map came to."""
    check = shown.check
    what = "a tenth of the clip" if shown.over_places else "a tenth of the frames"
    end = "DO NOT TRUST this map"
    if check.says_something:
        little = abs(check.before - check.top) < LITTLE
        end = "the map is right, but no tenth decides much" if little else "the answer hangs on what the map shows"
    return (
        f"{shown.kind}: masking {what} where the map is highest takes {name} from {check.before:.3f} to {check.top:.3f}; "
        f"a random tenth to {np.mean(check.random):.3f}, and less than it in {check.beaten} of {len(check.random)} draws: {end}"
    )


def explain(run: Run, path: str, label: str | None, draws: int, seed: int) -> Explained:
    """Ask a recogniser about a video, and look for what its answer hangs on. Of several clips the first is explained.

    Args:
        label: the class to explain; None: the answer.
        draws, seed: of the random maskings.

    Raises:
        UserError: the video cannot be read, or there is no model.
    """
    recipe, model = run.recipe, run.load_model()
    data = recipes.data_of(recipe)
    try:
        clip = next(READERS["recognition"](recipe)(Video(path, ())))
    except Unreadable as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    clip = {stream: augment.cropped(frames, data.of(stream)).numpy() for stream, frames in clip.items()}
    outputs = {name: np.asarray(x)[0] for name, x in model.predict_on_batch({s: x[None] for s, x in clip.items()}).items()}

    def predict(clips):
        return np.asarray(model.predict_on_batch(clips)["probabilities"])

    number = int(outputs["probabilities"].argmax()) if label is None else run.classes.index(label)
    maps = [(GRADIENT, saliency.saliency(model, clip, number))]
    if attention := attention_by_stream(outputs, recipe, data.streams):
        maps.insert(0, (ATTENTION, attention))
    checked = [Map(kind, values, saliency.check(predict, clip, values, number, draws, seed)) for kind, values in maps]
    return Explained(
        video=path,
        clip=clip,
        encodings={stream: data.of(stream).flow.encoding for stream in data.streams},
        classes=run.classes,
        probabilities=outputs["probabilities"],
        steps={name: _probabilities(x, run.experiment.model.target) for name, x in outputs.items() if name.endswith("steps")},
        label=number,
        maps=tuple(checked),
        without=saliency.without_each_frame(predict, clip, number),
        interval=recipes.interval_of(recipe),
    )


def attention_by_stream(outputs: dict[str, np.ndarray], recipe: dict, streams: Sequence[str]) -> dict[str, np.ndarray]:
    """`{stream: (T, h, w)}`: the coefficients over a clip, of each stream that has some: `flow_attention` is flow's."""
    maps = {}
    for name, coefficients in attention_of(outputs).items():
        stream = next((stream for stream in streams if name.startswith(f"{stream}_")), streams[0])
        over = attention_over_clip({name: coefficients}, recipe)
        if over is not None:
            maps.setdefault(stream, over)
    return maps


def _probabilities(logits: np.ndarray, target: str) -> np.ndarray:
    activation = keras.ops.softmax if target == "clip" else keras.ops.sigmoid
    return keras.ops.convert_to_numpy(activation(logits))
