"""Exports that lie in a folder, opened again: each as a function from clips to outputs, whatever its form."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videorec.inference.engines import Predict

FORMS = ("saved_model", "model*.tflite", "model.onnx")  # in a run folder


def exports_of(folder: Path) -> list[Path]:
    """The exports of a run folder, in the order of `FORMS`."""
    return [path for pattern in FORMS for path in sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name))]


@dataclass(frozen=True)
class Export:
    """An export, opened.

    Attributes:
        title: its row in the table.
        predict: from clips to outputs; of what runs frame by frame those after the last frame.
        quantize: see `export.tflite`.
        streaming: whether it runs frame by frame.
    """

    title: str
    path: Path
    predict: "Predict"
    quantize: str = "none"
    streaming: bool = False


def open_export(path: Path, names: dict[str, str]) -> Export:
    """The export at a path.

    Args:
        names: of the inputs, by stream.

    Raises:
        UserError: it is damaged, or none of this version.
    """
    from videorec.inference import engines

    if path.is_dir():
        return Export("SavedModel", path, engines.saved_model_engine(path, names))
    if path.suffix == ".onnx":
        return Export("ONNX", path, engines.onnx_engine(path, names))
    recipe = engines.tflite_recipe(path)
    how = recipe["export"]
    title = " ".join(["TFLite", *["streaming"] * how["streaming"], *[how["quantize"]] * (how["quantize"] != "none")])
    predict = (
        engines.over_clips(engines.tflite_stepper(path, recipe)) if how["streaming"] else engines.tflite_engine(path, names)
    )
    return Export(title, path, predict, how["quantize"], how["streaming"])
