"""Which packages are there, beside what requirements.txt asks for."""

import importlib.metadata
import platform
import sys
from pathlib import Path

from packaging.requirements import Requirement

Rows = list[tuple[str, str]]

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = {  # package: what it is for, and how to have it
    "tensorflow-io": (
        "videos and runs on s3://, az://, hdfs://",
        "Python 3.11 or 3.12 on Linux or macOS: pip install -r requirements.txt",
    ),
    "jax": (
        "training on Keras's JAX backend: KERAS_BACKEND=jax python train.py",
        'Python 3.13: pip install -r requirements-jax.txt; with an NVIDIA GPU on Linux also pip install "jax[cuda13]"',
    ),
    "av": ("predict.py --save writes H.264, which every browser plays", "pip install av"),
    "onnxruntime": ("python -m export.onnx", "pip install -r requirements-onnx.txt"),
    "ai-edge-litert": ("TFLite files without TensorFlow", "pip install ai-edge-litert"),
    "apache-beam": ("--runner: preparing, checking and predicting on many machines", "pip install apache-beam"),
    "pyarrow": ("predict.py --out as Parquet", "pip install pyarrow"),
    "tensorboard-plugin-profile": ("the profile of --train.profile in TensorBoard", "pip install tensorboard-plugin-profile"),
}


def required() -> tuple[Rows, list[str]]:
    """What is there of what videorec needs; and a line for each package that is missing or of a wrong version."""
    rows, missing = [("Python", f"{platform.python_version()}, {sys.executable}")], []
    for requirement in requirements():
        version = version_of(requirement.name)
        wanted = f"{requirement.name}{requirement.specifier}"
        if version is None:
            missing.append(f"{requirement.name} is missing: pip install '{wanted}', or all: pip install -r requirements.txt")
        elif not requirement.specifier.contains(version, prereleases=True):
            missing.append(
                f"{requirement.name} must be {requirement.specifier}; {version} is installed: pip install '{wanted}'"
            )
        rows.append((requirement.name, version or "missing"))
    return rows, missing


def requirements() -> list[Requirement]:
    """Those of this Python and system: of requirements.txt in a checkout, else of the installed package."""
    file = ROOT / "requirements.txt"
    if file.exists():
        lines = [line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    else:
        lines = importlib.metadata.requires("videorec") or []
    parsed = [Requirement(line) for line in lines if line]
    return [each for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})]


def version_of(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def optional() -> Rows:
    """What else there could be: what for, and how to have it where it is missing."""
    rows = []
    for package, (use, install) in OPTIONAL.items():
        version = version_of(package)
        rows.append((package, f"{version}: {use}" if version else f"missing. For {use}: {install}"))
    return rows
