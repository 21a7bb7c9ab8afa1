"""Measure a trained recogniser: predict every clip and crop, average per clip and per video, fuse runs."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from videorec.config import Data, Evaluate, UserError, bounds, nearest, rules
from videorec.config.recognition import RecognitionOptions
from videorec.data import pipeline, sources
from videorec.data.clips import ClipReader
from videorec.data.manifest import Video
from videorec.data.problems import Problems
from videorec.data.verdicts import problems_of
from videorec.inference.framewise import Framewise
from videorec.runs.run import Run
from videorec.tasks import fusion
from videorec.tasks.recognition import report
from videorec.tasks.recognition.report import RecognitionReport
from videorec.tasks.recognition.scores import Scores

Progress = Callable[[int, int], None]


def evaluate(run: Run, options: RecognitionOptions, progress: Progress) -> RecognitionReport:
    """Run -> views -> probabilities -> report; runs of `options.fuse` are averaged in.

    Raises:
        UserError: options that do not go together, runs that cannot be fused, a label that the run does not know: all before
            anything is predicted; afterwards too many videos that cannot be read.
    """
    data, how = options.data, options.evaluate
    bounds.check(options, "--")
    rules.check_clips(data, how)
    shares = fusion.members(run, options.fuse, options.weights)
    runs, weights = list(shares), list(shares.values())
    measured = sources.choose(data, how.split, run.experiment, run.record)
    videos = measured.videos
    check_labels(videos, run.classes)
    # Every run sees the same videos, each through its own preprocessing.
    seen = [(data, videos), *(same_videos(run, member, videos, how) for member in runs[1:])]
    problems = problems_of(videos, data)
    scores = [predict(m.load_model(), v, d, how, problems, progress) for m, (d, v) in zip(runs, seen, strict=True)]
    places = {member.place: weight for member, weight in shares.items()}
    protocol = report.describe(data, how, places, run.experiment, measured)
    fused = fuse(scores, weights)
    return report.make(videos, run.classes, fused, protocol, problems, how.hit_at, run.experiment.model.target)


def predict(
    model: keras.Model,
    videos: Sequence[Video],
    data: Data,
    evaluate: Evaluate,
    problems: Problems,
    progress: Progress = lambda done, total: None,
) -> Scores:
    """Run the model on every crop of every clip.

    Raises:
        UserError: the model takes other streams, or clips of another number of frames.
    """
    check_inputs(model, data)
    # The answer, and for several streams what each says alone: rgb_probabilities, flow_probabilities.
    names = [name for name in model.output if name == "probabilities" or name.endswith("_probabilities")]
    reader = ClipReader(data, problems)
    batches = pipeline.evaluation(videos, data, reader, evaluate.clips, evaluate.crops, evaluate.batch)
    clips, owners = [], []
    for probabilities, owner, readable in _clips(_views(Framewise(model), names, batches), evaluate.crops):
        clips.append(probabilities[readable])
        owners.append(owner[readable])
        problems.check()
        if len(owner):
            progress(int(owner[-1]) + 1, len(videos))
    clips, owner = np.concatenate(clips), np.concatenate(owners)  # (M, S, C), (M,)
    # A file that changed while it was read gave some clips: it is named as unreadable, and counts in no figure.
    whole = np.array([video.name not in problems.unreadable for video in videos])[owner]
    clips, owner = clips[whole], owner[whole]
    order = np.argsort(owner, kind="stable")  # videos are read side by side
    clips, owner = clips[order], owner[order]
    means = dict(zip(names, np.moveaxis(_mean_per_video(clips, owner, len(videos)), 1, 0), strict=True))
    streams = {name.removesuffix("_probabilities"): means[name] for name in names if name != "probabilities"}
    return Scores(means["probabilities"], clips[:, names.index("probabilities")], owner, _sampling(data), streams)


def check_inputs(model: keras.Model, data: Data) -> None:
    """The clips of `data` must be what the model takes.

    Raises:
        UserError: other streams, or another number of frames.
    """
    if set(model.input) != set(data.streams):
        stream = "both" if len(model.input) > 1 else next(iter(model.input))
        raise UserError(
            f"{model.name} takes the streams {', '.join(sorted(model.input))}. Received: --data.stream {data.stream}. "
            f"Evaluate with --data.stream {stream}"
        )
    for stream in data.streams:
        length, frames = model.input[stream].shape[1], data.of(stream).frames
        if length not in (None, frames):
            option = "--data.frames" if stream == "rgb" else "--data.flow.frames"
            raise UserError(
                f"{model.name} takes {stream} clips of {length} frames. Received: {frames}. Evaluate with {option} {length}"
            )


def _views(model: Framewise, names: Sequence[str], batches: Iterable) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of one row a view: probabilities `(B, S, C)` of the named outputs, index of the video, 1 or 0."""
    for inputs, index, readable in batches:
        outputs = model.predict(inputs)
        rows = np.stack([outputs[name] for name in names], axis=1)
        yield rows, index.numpy(), readable.numpy()


def _clips(views: Iterable[tuple[np.ndarray, ...]], crops: int) -> Iterator[tuple[np.ndarray, ...]]:
    """From one row a view to one row a clip: the mean over its crops, which are neighbours, maybe in two batches."""
    rest = None
    for batch in views:
        parts = batch if rest is None else [np.concatenate(pair) for pair in zip(rest, batch, strict=True)]
        whole = len(parts[0]) // crops * crops
        rest = [part[whole:] for part in parts]
        rows, index, readable = (part[:whole].reshape(-1, crops, *part.shape[1:]) for part in parts)
        yield rows.mean(axis=1), index[:, 0], readable[:, 0] > 0


def _mean_per_video(clips: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """`(count, ...)` float64: the mean of each video's clips; NaN for a video without any."""
    sums = np.zeros((count, *clips.shape[1:]))
    np.add.at(sums, owner, clips)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(owner, minlength=count).reshape(-1, *[1] * (clips.ndim - 1))


def _sampling(data: Data) -> frozenset:
    parts = [data.of(stream) for stream in data.streams]
    return frozenset(
        (p.sampling, p.frames, p.fps, p.short, *(() if p.sampling == "uniform" else (p.step, p.hop))) for p in parts
    )


# === Several runs ===


def fuse(scores: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Weighted mean of several runs' probabilities: late fusion as in LRCN. Clips are fused where all runs have the same.

    Args:
        scores: of each run, over the same videos.
        weights: that `check_weights` lets pass.
    """
    first = scores[0]
    if len(scores) == 1:
        return first
    videos = np.average(np.stack([run.videos for run in scores]), axis=0, weights=weights)
    readable = ~np.isnan(videos).any(axis=1)
    kept = [readable[run.owner] for run in scores]  # a video must be readable in every run
    owners = [run.owner[keep] for run, keep in zip(scores, kept, strict=True)]
    same = all(
        run.sampling == first.sampling and np.array_equal(owner, owners[0]) for run, owner in zip(scores, owners, strict=True)
    )
    if not same:
        return Scores(videos, None, owners[0], first.sampling)
    clips = np.stack([run.clips[keep] for run, keep in zip(scores, kept, strict=True)])
    return Scores(videos, np.average(clips, axis=0, weights=weights), owners[0], first.sampling)


def same_videos(run: Run, other: Run, videos: list[Video], evaluate: Evaluate) -> tuple[Data, list[Video]]:
    """Data settings of a run to be fused, and its own copies of `videos` in their order.

    A flow run reads flow pictures from another place than the RGB run reads videos: they are matched by file name without
    suffix, segment and labels.

    Raises:
        UserError: a video that the other run's data lack.
    """
    data = other.experiment.data
    if (data.path, data.videos) == (run.experiment.data.path, run.experiment.data.videos):
        sources.warn_of_seen(videos, evaluate.split, other.experiment, other.record)
        return data, videos
    theirs = sources.load_for_evaluation(data, evaluate.split, other.experiment, other.record)
    theirs = {_identity(video): video for video in theirs}
    for video in videos:
        if _identity(video) not in theirs:
            raise UserError(f"Runs that are fused must be measured on the same videos; {other.place} lacks {video.path}.")
    return data, [theirs[_identity(video)] for video in videos]


def _identity(video: Video) -> tuple:
    return Path(video.path).stem, video.start, video.end, video.labels


def check_labels(videos: Sequence[Video], classes: Sequence[str]) -> None:
    """Every label must be one that the run was trained on."""
    for video in videos:
        for label in video.labels:
            if label not in classes:
                raise UserError(
                    f"{video.path} has the label {label!r}, which the run was not trained on. {nearest(label, classes)} "
                    f"Leave the class out: --data.exclude {label}"
                )
