"""Draw what a run sees and says: test clips as rows of frames, with the probability of each class over time beside them.

python -m videorec.tools.gallery runs/quickstart                 writes runs/quickstart/gallery.png
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from videorec import terminal
from videorec.config import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What the gallery takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote."""
    out: Path | None = None
    """The picture. Default: gallery.png in the run folder."""
    clips: int = 8
    """Rows, from as many classes as there are."""
    columns: int = 8
    """Frames a row."""
    seed: int = 0
    """Which clips."""


def choose(videos: list, number: int, seed: int) -> list:
    """Videos at random, one a class in turn."""
    rng = np.random.default_rng(seed)
    shuffled = [videos[i] for i in rng.permutation(len(videos))]
    turns, ranked = {}, []
    for video in shuffled:
        turns[video.labels] = turns.get(video.labels, -1) + 1
        ranked.append((turns[video.labels], video.labels, video.name, video))
    return [entry[-1] for entry in sorted(ranked)[:number]]


def draw(clips: np.ndarray, steps: np.ndarray, labels: list[str], classes: tuple[str, ...], columns: int) -> Figure:
    """A row a clip.

    Args:
        clips: `(N, T, H, W, 3)` uint8.
        steps: `(N, S, C)` probabilities at each step.
        labels: true class of each clip.
    """
    height, width = clips.shape[2:4]
    shown = np.linspace(0, clips.shape[1] - 1, min(columns, clips.shape[1])).round().astype(int)
    figure = Figure(figsize=(0.88 * len(shown) * width / height + 3.2, 1.15 * len(clips)), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(clips), 2, squeeze=False, width_ratios=[len(shown) * width / height, 2.6])
    for (left, right), clip, rows, label in zip(grid, clips, steps, labels, strict=True):
        left.imshow(np.concatenate(list(clip[shown]), axis=1))
        left.set_axis_off()
        best = classes[int(rows.mean(0).argmax())]
        for k, name in enumerate(classes):
            style = {"color": "tab:green", "lw": 2} if name == label else {"color": "0.7", "lw": 0.8}
            right.plot(np.arange(1, len(rows) + 1), rows[:, k], marker="." if len(rows) == 1 else None, **style)
        right.set(ylim=(-0.03, 1.03), yticks=[0, 1], xticks=[])
        verdict = label if best == label else f"{label}, taken for {best}"
        right.set_title(verdict, fontsize=9, color="tab:green" if best == label else "tab:red", pad=2)
    return figure


def main(args: list[str]) -> int:
    """Run -> clips -> picture."""
    options = terminal.parse(Options, args, description=__doc__, prog="python -m videorec.tools.gallery")

    import keras

    from videorec.data import pipeline, sources
    from videorec.data.clips import ClipReader
    from videorec.data.problems import Problems
    from videorec.runs.run import Run

    run = Run.open(options.run)
    if run.experiment.task != "recognition":
        raise UserError(
            f"The gallery shows recognisers of clips; {run.place} learns something else. Forecasts: python evaluate.py "
            f"{run.place} --pictures 4; labels of moments: python evaluate.py {run.place} --timeline VIDEO"
        )
    data = run.experiment.data
    videos = choose(sources.load_for_evaluation(data, "test", run.experiment), options.clips, options.seed)
    reader = ClipReader(data, Problems(len(videos), 1.0))
    batches = pipeline.evaluation(videos, data, reader, clips=1, crops=1, batch=len(videos))
    clips = next(iter(batches))[0]
    logits = run.load_model().predict_on_batch(clips)["steps"]
    probabilities = keras.ops.softmax if run.experiment.model.target == "clip" else keras.ops.sigmoid
    steps = keras.ops.convert_to_numpy(probabilities(logits))
    out = options.out or run.folder / "gallery.png"
    draw(clips[data.streams[0]].numpy(), steps, [video.labels[0] for video in videos], run.classes, options.columns).savefig(
        out
    )
    run.push()
    log.info("written: %s", out)
    return 0


if __name__ == "__main__":
    terminal.run(main)
