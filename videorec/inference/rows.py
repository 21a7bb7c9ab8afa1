"""Predictions as rows of a table: which columns each task has, their values, and the same as text."""

from collections.abc import Iterator, Sequence

from videorec.inference.prediction import Prediction
from videorec.reports.spreadsheet import cell

TIME, PROBABILITY = 3, 6  # digits after the point, as text


class Layout:
    """The columns of a model's predictions, and their rows.

    A row a video (labels: its answer and the probability of every class; forecasts: their sizes), a segment (labels of
    moments; one empty row where there is none), a coming step, or an answer of a stream. The last column says why a video
    cannot be read.

    Args:
        recipe: of the model.
        stream: predictions are those of a stream.

    Attributes:
        columns: `(name, type)` of each; a value may be None.
    """

    def __init__(self, recipe: dict, stream: bool = False):
        self._task = "stream" if stream else recipe["task"]
        self._several = recipe["target"] == "multilabel"
        columns = [("video", str, 0), *self._own(recipe["classes"]), ("damage", str, 0), ("error", str, 0)]
        self.columns = [(name, kind) for name, kind, _ in columns]
        self._digits = [digits for *_, digits in columns]

    def rows(self, prediction: Prediction) -> Iterator[list]:
        """The rows of a prediction."""
        if prediction.error is not None:
            yield [prediction.video, *[None] * (len(self.columns) - 2), prediction.error]
            return
        for row in self._values(prediction):
            yield [prediction.video, *row, prediction.damage or None, None]

    def as_text(self, row: Sequence) -> list:
        """The cells of a row in a CSV file."""
        return [_as_text(value, digits) for value, digits in zip(row, self._digits, strict=True)]

    def _own(self, classes: Sequence[str]) -> list[tuple[str, type, int]]:
        answer = [("label", str, 0), ("score", float, PROBABILITY), *([("labels", str, 0)] if self._several else [])]
        answer += [(f"p({name})", float, PROBABILITY) for name in classes]
        return {
            "recognition": answer,
            "stream": [("time", float, TIME), *answer],
            "dense": [("start", float, TIME), ("end", float, TIME), ("label", str, 0), ("score", float, PROBABILITY)],
            "anticipation": [("step", int, 0), ("seconds", float, TIME), *answer],
            "forecasting": [(name, int, 0) for name in ("seen", "forecast", "height", "width", "channels")],
        }[self._task]

    def _values(self, prediction: Prediction) -> Iterator[list]:
        if self._task == "dense":
            for s in prediction.segments or [None]:
                yield [None] * 4 if s is None else [s.start, s.end, s.label, s.score]
        elif self._task == "anticipation":
            for step, probabilities in enumerate(prediction.coming, start=1):
                label = max(probabilities, key=probabilities.get)
                yield [step, step / prediction.rate, label, probabilities[label], *probabilities.values()]
        elif self._task == "forecasting":
            yield [len(prediction.seen), *prediction.frames.shape]
        else:
            time = [prediction.time] if self._task == "stream" else []
            labels = [";".join(prediction.labels)] if self._several else []
            yield [*time, prediction.label, prediction.score, *labels, *prediction.probabilities.values()]


def _as_text(value: str | float | None, digits: int) -> str | int:
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    return f"{value:.{digits}f}" if digits else value
