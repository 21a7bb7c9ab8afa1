"""What a run is: its settings and data as text, the commands that go on from it, its layers, and its row in HParams."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from videorec.config import Experiment
from videorec.config import file as config_file
from videorec.runs.run import Run
from videorec.terminal import printable
from videorec.training import sections
from videorec.training.curves import Curves

# The columns of HParams, the same for all runs, whichever of them TensorBoard reads first.
COLUMNS = ("task", "model", "model.backbone", "model.units", "model.trainable_from", "data.frames", "data.fps", "data.sampling")
COLUMNS += ("data.augment", "train.epochs", "train.batch", "train.optimizer", "train.learning_rate", "train.schedule")
COLUMNS += ("train.weight_decay", "train.precision", "train.seed")
FIGURES = ("accuracy", "mean_class_accuracy", "map", "mse", "loss")


class About(keras.callbacks.Callback):
    """Shown once, when training begins.

    Args:
        curves: whose writer is used.
        run: whose settings and place are shown.
        summary: of the data, in a line.
        whole: the model on frames, whose layers are shown.
        validated: whether there is a validation set, whose figures HParams shows.
    """

    def __init__(self, curves: Curves, run: Run, summary: str, whole: keras.Model, validated: bool):
        super().__init__()
        self._curves, self._run, self._summary, self._whole = curves, run, summary, whole
        writer = tf.summary.create_file_writer(str(run.tensorboard))  # HParams takes the folder above train and val as one run
        values = flat(run.experiment)
        self._session = hparams.KerasCallback(writer, values, trial_id=run.experiment.name)
        with writer.as_default():
            hparams.hparams_config([hparams.HParam(name) for name in COLUMNS], figures("val" if validated else "train"))

    def on_train_begin(self, logs=None):
        """Texts, layers, settings."""
        self._session.on_train_begin(logs)
        settings = json.dumps(config_file.to_dict(self._run.experiment), indent=2, ensure_ascii=False)
        texts = {"commands": commands(self._run), "data": self._data(), "settings": settings}
        with self._curves.train_writer.as_default(0):
            for name, text in texts.items():
                tf.summary.text(f"about/{name}", indented(text))
            tf.summary.graph(layers(self._whole))

    def on_train_end(self, logs=None):
        """The run has ended well."""
        self._session.on_train_end(logs)

    def _data(self) -> str:
        record, lines = self._run.record, [self._summary]
        entries = record.entries if record else ()
        counts = Counter((label, entry.split or "none") for entry in entries for label in entry.labels)
        splits = sorted({split for _, split in counts}, key=["train", "val", "test", "none"].index)
        if counts:
            lines += ["", "  ".join(f"{split:>6}" for split in splits) + "   labels of each split"]
        for label in sorted({label for label, _ in counts}):
            lines.append("  ".join(f"{counts[label, split]:6}" for split in splits) + f"   {label}")
        return "\n".join([*lines, "", "every one of them with its split: videos.csv in the run's folder"])


def layers(model: keras.Model) -> tf.compat.v1.GraphDef:
    """A model's layers as a graph, a node each, with the shapes of what they give. (TensorBoard's own reader of Keras models
    fails on models with named inputs.)"""
    graph, operations = tf.compat.v1.GraphDef(), {operation.name: operation for operation in model.operations}
    for entry in model.get_config()["layers"]:
        layer = operations[entry["name"]]
        node = graph.node.add(name=layer.name, op=type(layer).__name__)
        sources = [x for call in entry["inbound_nodes"] for x in _histories(call)]
        node.input.extend(dict.fromkeys(sources))
        node.attr["parameters"].i = layer.count_params() if getattr(layer, "built", False) else 0
        shapes = keras.tree.flatten(layer.output) if len(entry["inbound_nodes"]) == 1 else []
        node.attr["_output_shapes"].list.shape.extend(tf.TensorShape(x.shape).as_proto() for x in shapes)
    return graph


def _histories(part) -> list[str]:
    """The names of the layers whose outputs are in the arguments of a call."""
    if isinstance(part, dict):
        if "keras_history" in part:
            return [part["keras_history"][0]]
        part = part.values()
    return [] if isinstance(part, str) or not isinstance(part, Iterable) else [name for x in part for name in _histories(x)]


def figures(group: str) -> list[hparams.Metric]:
    """The figures of the last epoch that HParams shows."""
    shown = {"val": "validation", "train": "training"}[group]
    return [hparams.Metric(f"{sections.EPOCHS}/{name}", group, f"{shown} {name}") for name in FIGURES]


def flat(experiment: Experiment) -> dict[str, bool | int | float | str]:
    """The settings by their names, `data.frames`; what is no number, text or truth value as text."""
    values = {"task": experiment.task, "model": experiment.model.name}
    for section in ("data", "model", "train"):
        part = getattr(experiment, section)
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            values[f"{section}.{field.name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return values


def commands(run: Run) -> str:
    """What can be done with a run, from the folder of the repository."""
    place = run.place
    lines = {
        "measure it": f"python evaluate.py {place}",
        "use it": f"python predict.py {place} my.mp4",
        "export it": f"python -m export.saved_model {place}",
        "": f"python -m export.tflite {place}",
        "look at it": f"python -m videorec.tools.tensorboard {place}",
    }
    return "\n".join(f"{what:12}{command}" for what, command in lines.items())


def indented(text: str) -> str:
    """Text as it is, for TensorBoard, which reads Markdown: a block that is set as code."""
    return "\n".join(f"    {printable(line)}" for line in text.split("\n"))
