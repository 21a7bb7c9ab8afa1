"""The picture of a gallery: which clips, and how they are drawn."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from videorec.data.manifest import Video
from videorec.reports.drawing import new_figure, short
from videorec.reports.letters import font
from videorec.reports.palette import GREY, RIGHT, WRONG

ROW = 1.3  # inches
TITLE = 9  # points
CURVES = 2.9  # inches, at least: titles that need more make the picture wider
LETTERS = 80  # of a class in a title
DPI = 90


def choose(videos: list[Video], number: int, seed: int) -> list[Video]:
    """Videos at random, one a class in turn."""
    rng = np.random.default_rng(seed)
    shuffled = [videos[i] for i in rng.permutation(len(videos))]
    turns, ranked = {}, []
    for video in shuffled:
        turns[video.labels] = turns.get(video.labels, -1) + 1
        ranked.append((turns[video.labels], video.labels, video.name, video))
    return [entry[-1] for entry in sorted(ranked)[:number]]


def worst(probabilities: np.ndarray, labels: Sequence[Sequence[str]], classes: Sequence[str], number: int) -> list[int]:
    """Clips whose most probable class is not among their labels, that with the least probable label first.

    Args:
        probabilities: `(N, C)`, NaN: not readable.
        labels: of each clip.
        number: of clips, at most.
    """
    position = {name: k for k, name in enumerate(classes)}
    true = np.array([max(row[position[label]] for label in names) for row, names in zip(probabilities, labels, strict=True)])
    order = np.argsort(true, kind="stable")
    return [int(k) for k in order if true[k] < probabilities[k].max()][:number]


def draw(
    clips: np.ndarray,
    steps: np.ndarray,
    answers: np.ndarray,
    labels: Sequence[Sequence[str]],
    classes: Sequence[str],
    columns: int,
    title: str = "",
) -> Figure:
    """A row a clip: frames, and beside them the probability of each class over the frames that were seen.

    Args:
        clips: `(N, T, H, W, 3)` uint8.
        steps: `(N, S, C)` probabilities at each step.
        answers: `(N, C)` probabilities of the clips.
        labels: of each clip.
        columns: frames, spread over each clip.
        title: above all.
    """
    length, height, width = clips.shape[1:4]
    shown = np.linspace(0, length - 1, min(columns, length)).round().astype(int)  # of the frames
    best = [classes[int(row.argmax())] for row in answers]
    titles = [_title(names, name) for names, name in zip(labels, best, strict=True)]
    curves = max(CURVES, *(font(100, True).getlength(text) / 100 * TITLE / 72 + 0.3 for text, _ in titles))
    strip = len(shown) * width / height
    figure = new_figure(figsize=(strip + curves + 0.6, ROW * len(clips) + 0.9 + 0.3 * bool(title)), dpi=DPI)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.05)
    grid = figure.subplots(len(clips), 2, squeeze=False, width_ratios=[strip, curves])
    for k, (left, right) in enumerate(grid):
        _frames(left, clips[k], shown)
        _curves(right, steps[k], labels[k], best[k], classes, length)
        right.set_title(titles[k][0], fontsize=TITLE, color=titles[k][1], pad=3)
        for axes in (left, right):
            axes.tick_params(labelsize=8, labelbottom=k == len(grid) - 1)
    for axes in grid[-1]:
        axes.set_xlabel("frame", fontsize=TITLE)
    grid[len(grid) // 2][1].set_ylabel("probability", fontsize=TITLE)
    _legend(figure, any(color == WRONG for _, color in titles))
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _title(labels: Sequence[str], best: str) -> tuple[str, str]:
    """What stands above a clip's curves, and its colour."""
    true = short(", ".join(labels), LETTERS)
    return (true, RIGHT) if best in labels else (f"{true}, taken for {short(best, LETTERS)}", WRONG)


def _frames(axes: Axes, clip: np.ndarray, shown: np.ndarray) -> None:
    """Those of a clip `(T, H, W, 3)` beside each other."""
    axes.imshow(np.concatenate(list(clip[shown]), axis=1))
    axes.set(xticks=(np.arange(len(shown)) + 0.5) * clip.shape[2], yticks=[])
    axes.tick_params(length=0)
    axes.set_xticklabels([str(frame + 1) for frame in shown])
    axes.spines[:].set_visible(False)


def _curves(axes: Axes, steps: np.ndarray, labels: Sequence[str], best: str, classes: Sequence[str], length: int) -> None:
    """Of `(S, C)` probabilities; those of single steps are dots at the end of the clip."""
    frames = np.linspace(length / len(steps), length, len(steps))
    for name, values in sorted(zip(classes, steps.T, strict=True), key=lambda each: (each[0] in labels, each[0] == best)):
        style = {"color": GREY, "lw": 0.8, "alpha": 0.7}
        if name in labels or name == best:
            style = {"color": RIGHT if name in labels else WRONG, "lw": 2.2}
        axes.plot(frames, values, marker="o" if len(steps) == 1 else None, clip_on=False, label=name, **style)
    axes.set(ylim=(-0.03, 1.03), yticks=[0, 0.5, 1], xlim=(1, max(length, 2)))
    axes.set_yticklabels(["0", "", "1"])
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, wrong: bool) -> None:
    kinds = [("the true class", RIGHT, 2.2), *([("the class that it was taken for", WRONG, 2.2)] if wrong else [])]
    lines = [Line2D([], [], color=color, lw=width, label=text) for text, color, width in [*kinds, ("other classes", GREY, 0.8)]]
    figure.legend(handles=lines, loc="outside lower right", ncols=3, frameon=False, fontsize=TITLE)
