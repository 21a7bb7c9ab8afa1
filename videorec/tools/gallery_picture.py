"""The picture of a gallery: which clips, and how they are drawn."""

import numpy as np
from matplotlib.figure import Figure

from videorec.data.manifest import Video
from videorec.reports.drawing import new_figure, short


def choose(videos: list[Video], number: int, seed: int) -> list[Video]:
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
    figure = new_figure(figsize=(0.88 * len(shown) * width / height + 3.2, 1.15 * len(clips)), dpi=80)
    grid = figure.subplots(len(clips), 2, squeeze=False, width_ratios=[len(shown) * width / height, 2.6])
    for (left, right), clip, rows, label in zip(grid, clips, steps, labels, strict=True):
        left.imshow(np.concatenate(list(clip[shown]), axis=1))
        left.set_axis_off()
        best = classes[int(rows.mean(0).argmax())]
        for k, name in enumerate(classes):
            style = {"color": "tab:green", "lw": 2} if name == label else {"color": "0.7", "lw": 0.8}
            right.plot(np.arange(1, len(rows) + 1), rows[:, k], marker="." if len(rows) == 1 else None, **style)
        right.set(ylim=(-0.03, 1.03), yticks=[0, 1], xticks=[])
        verdict = short(label) if best == label else f"{short(label)}, taken for {short(best)}"
        right.set_title(verdict, fontsize=9, color="tab:green" if best == label else "tab:red", pad=2)
    return figure
