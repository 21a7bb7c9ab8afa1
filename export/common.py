"""What the export scripts share: their options, their order of work, and the run's model in float32 without cuDNN."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import tyro

from videorec import terminal
from videorec.config import UserError
from videorec.storage import files

if TYPE_CHECKING:
    import keras

    from videorec.runs.run import Run
    from videorec.tasks.serving import Serving


@dataclass(frozen=True)
class Options:
    """What every export script takes."""

    run: tyro.conf.Positional[str]
    """The run folder, runs/NAME; may be remote (s3://bucket/runs/NAME)."""
    out: str | None = None
    """Where to write, a local path. Default: into the run folder."""
    verify: bool = True
    """Compare the result with Keras afterwards."""


Chosen = TypeVar("Chosen", bound=Options)


def parse(kind: type[Chosen], args: list[str], script: str, description: str) -> Chosen:
    """The options of an export script.

    Args:
        script: the module's name in `export`.

    Raises:
        UserError: a remote place to write to.
    """
    options = terminal.parse(kind, args, description=description, prog=f"python -m export.{script}")
    if options.out:
        files.must_be_local(options.out, "--out")
    return options


def export(
    options: Options,
    name: str,
    write: Callable[["Run", Path], Path],
    compare: Callable[["Run", list[Path]], int],
) -> int:
    """Export a run, then compare the result with Keras.

    Args:
        name: of what is written, in the run folder.
        write: writes it there or to `options.out`, whole or not at all, and gives its place.
        compare: the result with Keras; gives the exit status.

    Raises:
        UserError: it cannot be written, or Keras runs on another backend than TensorFlow.
    """
    from videorec.models import backend  # TensorFlow takes seconds to import: not for --help
    from videorec.runs.run import Run

    backend.check("An export")
    run = Run.open(options.run)
    path = Path(options.out) if options.out else run.folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # what cannot be written shows before the work
        path = write(run, path)
    except OSError as error:
        raise UserError(f"The export cannot be written to {path}: {error}. Choose another place with --out") from error
    run.push()
    print(terminal.visible(f"written: {path} ({size_of(path) / 1e6:.1f} MB)"))
    return compare(run, [path]) if options.verify else 0


def serving_of(run: "Run") -> "Serving":
    """How the model of a run is exported."""
    from videorec import tasks

    return tasks.of(run.experiment).serving(run)


def float32_model(serving: "Serving") -> "keras.Model":
    """The run's best model as it is exported.

    A mixed-precision model is rebuilt in float32 with the same weights, since it would not convert; cuDNN is switched
    off, since a graph that names cuDNN's operations does not run on a CPU.
    """
    import keras

    run = serving.run
    model = run.load_model()
    if run.experiment.train.precision != "float32":
        keras.config.set_dtype_policy("float32")
        rebuilt = serving.rebuild(model)
        rebuilt.set_weights(model.get_weights())
        model = rebuilt
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    parts = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in parts)
