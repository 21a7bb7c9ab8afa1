"""What TensorBoard shows of a recogniser: curves, confusion, the worst errors, clips as the model sees them, its attention."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.splitting import VideoSet
from videorec.models.split import SUFFIX
from videorec.reports import attention_pictures, cards, pictures
from videorec.reports.confusion import confusion_figure
from videorec.tasks.recognition.metrics import MeanClassAccuracy
from videorec.training import sections
from videorec.training.curves import Curves
from videorec.training.metrics import Answered

Clips = dict[str, np.ndarray]  # {stream: (N, T, H, W, 3)} uint8

WORST = 6  # errors shown
ATTENDED = 3  # clips whose attention is shown, always the same
KEPT = 256 * 2**20  # bytes of validation clips in memory, from epoch to epoch
LARGEST = 150  # classes of a confusion matrix each epoch: larger ones are drawn by evaluation alone


class Summaries(Curves):
    """Curves; each epoch the confusion matrix, the worst errors and the attention; training clips at the start.

    Args:
        folder: of the events.
        videos: with their classes, in the order of the outputs.
        problems: unreadable and damaged videos, shown as curves and as text.
        count: training clips an epoch.
        whole: the model on frames, whose attention is shown.
        first_clips: a few training clips as the augmentation of an epoch makes them, with their videos.
        validation_clips: the clips of these validation videos, by index.
        encoding: of the flow stream's pictures.
    """

    def __init__(
        self,
        folder: Path,
        videos: VideoSet,
        problems: Problems,
        count: int,
        whole: keras.Model,
        first_clips: Callable[[int], tuple[Clips, list[Video]]],
        validation_clips: Callable[[list[int]], Clips],
        encoding: str,
    ):
        super().__init__(folder, count, problems)
        self.classes, self.whole, self._validation = videos.classes, whole, videos.split("val")
        self._first_clips, self._encoding, self._clips = first_clips, encoding, None
        self._kept = KeptClips(validation_clips)
        self._attentions = [name for name in whole.output if name.endswith("attention")]

    def on_epoch_begin(self, epoch, logs=None):
        """In the first epoch of this process: training clips as the network sees them."""
        super().on_epoch_begin(epoch, logs)
        if self._clips is None:
            with self.budget.spending(), self._train.as_default(epoch):
                self._show_training(epoch)

    def _show_training(self, epoch: int) -> None:
        self._clips = self._first_clips(epoch)
        clips, videos = self._clips
        drawn = self._drawn(_of_a_grid(clips))
        shown = [
            cards.card([cards.frames_grid(part[k]) for part in drawn.values()], video.labels, note=note(video))
            for k, video in enumerate(videos)
        ]
        tf.summary.image(f"{sections.INPUT}/clips", cards.stacked(shown), max_outputs=len(shown))

    def write(self, epoch: int) -> None:
        """The confusion matrix where the metrics keep one, the worst errors, and attention."""
        for confusion in self.metrics(MeanClassAccuracy) if len(self.classes) <= LARGEST else ():
            matrix = keras.ops.convert_to_numpy(confusion.matrix)
            title = f"{'validation' if self.validated else 'training'}, epoch {epoch}"
            figure = confusion_figure(matrix, self.classes, title)
            tf.summary.image(f"{sections.CLASSES}/confusion", pictures.to_array(figure)[None])
        if (answers := self.answers) is not None:
            self._show_worst(answers)
        if self._attentions:
            self._show_attention()

    def _show_worst(self, answers: Answered) -> None:
        chosen = worst(answers, WORST)
        if not chosen:
            return
        drawn = self._drawn(_of_a_grid(self._kept(chosen)))
        shown = []
        for k, index in enumerate(chosen):
            video = self._validation[index]
            frames = [cards.frames_grid(part[k]) for part in drawn.values()]
            shown.append(cards.card(frames, video.labels, self._ranked(answers.probabilities[index]), note(video)))
        tf.summary.image(f"{sections.ANSWERS}/worst errors", cards.stacked(shown), max_outputs=len(shown))

    def _show_attention(self) -> None:
        """Of a few validation clips, always the same (training clips where there are none), as the model attends now."""
        if self._validation:
            chosen = np.unique(np.linspace(0, len(self._validation) - 1, ATTENDED).round().astype(int)).tolist()
            clips, videos = self._kept(chosen), [self._validation[index] for index in chosen]
        else:
            clips, videos = self._clips
        outputs = {name: keras.ops.convert_to_numpy(x) for name, x in self.whole.predict_on_batch(clips).items()}
        drawn = self._drawn(clips)
        for name in self._attentions:
            stream = name.split("_")[0] if "_" in name else next(iter(clips))
            shown = []
            for k, video in enumerate(videos):
                picture = self._attended(drawn[stream][k], outputs[name][k], stream)
                shown.append(cards.card([picture], video.labels, self._ranked(outputs["probabilities"][k]), note(video)))
            tf.summary.image(f"{sections.MODEL}/{name}", cards.stacked(shown), max_outputs=len(shown))

    def _attended(self, frames: np.ndarray, coefficients: np.ndarray, stream: str) -> np.ndarray:
        """Frames `(T, H, W, 3)` with the coefficients `(T,)` as bars, or `(T, K)` as heat over the K places of each."""
        if coefficients.ndim == 1:
            return attention_pictures.over_time(frames, coefficients, cards.COLUMNS)
        rows, columns = self.whole.get_layer(f"{stream}{SUFFIX}").output.shape[2:4]
        heat = pictures.place_heat(coefficients.reshape(-1, rows, columns), *frames.shape[1:3])
        return attention_pictures.over_space(frames, heat, cards.COLUMNS)

    def _drawn(self, clips: Clips) -> Clips:
        """For people: the hue of flow is the direction of motion, its brightness the speed."""
        return {
            name: pictures.motion(part, self._encoding) if name.startswith("flow") else part for name, part in clips.items()
        }

    def _ranked(self, probabilities: np.ndarray) -> list[tuple[str, float]]:
        """Classes with their probabilities `(C,)`, the highest first."""
        return [(self.classes[c], float(probabilities[c])) for c in np.argsort(-probabilities, kind="stable")]


def _of_a_grid(clips: Clips) -> Clips:
    """The frames that a grid shows: to colour the flow of hundreds takes gigabytes."""
    return {name: part[:, cards.shown_frames(part.shape[1])] for name, part in clips.items()}


class KeptClips:
    """The clips asked for last stay in memory, up to `KEPT` bytes of them.

    Args:
        load: the clips of some videos, by index.
    """

    def __init__(self, load: Callable[[list[int]], Clips]):
        self._load, self._clips = load, {}

    def __call__(self, indices: Sequence[int]) -> Clips:
        """`{stream: (N, T, H, W, 3)}` uint8 of N videos."""
        missing = [index for index in indices if index not in self._clips]
        if missing:
            loaded = self._load(missing)
            for k, index in enumerate(missing):
                self._clips[index] = {name: part[k] for name, part in loaded.items()}
        for index in indices:
            self._clips[index] = self._clips.pop(index)  # the newest is last
        clips = [self._clips[index] for index in indices]
        size = sum(part.nbytes for clip in self._clips.values() for part in clip.values())
        for index in list(self._clips):  # the oldest first
            if size <= KEPT:
                break
            size -= sum(part.nbytes for part in self._clips.pop(index).values())
        return {name: np.stack([clip[name] for clip in clips]) for name in clips[0]}


def worst(answers: Answered, number: int) -> list[int]:
    """The readable samples whose most probable class is not true, by falling loss: `number` of them at most.

    The loss is the cross-entropy: of the true class where every sample has one, else of every class for itself.
    """
    p, truth = np.clip(answers.probabilities, 1e-7, 1 - 1e-7), answers.truth > 0
    wrong = ~np.take_along_axis(truth, p.argmax(axis=1)[:, None], axis=1)[:, 0] & (answers.weight > 0)
    single = bool((truth.sum(axis=1) == 1).all())
    log = np.where(truth, np.log(p), 0 if single else np.log1p(-p))
    order = np.argsort(log.sum(axis=1), kind="stable")
    return [int(index) for index in order if wrong[index]][:number]


def note(video: Video) -> str:
    """Which video it is."""
    return video.name.replace("\\", "/").rsplit("/", 1)[-1]
