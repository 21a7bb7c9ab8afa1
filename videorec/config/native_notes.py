"""What libraries write to the standard error by themselves, past every logger, and how not to show it."""

import contextlib
import importlib.machinery
import os
import platform
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def native_notes_hidden() -> Iterator[None]:
    """While the block runs, what libraries write to the process's standard error by themselves is not shown: notes on delegates
    and converters, that no logger can turn off."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def hide_those_of_tensorflow() -> None:
    """From now on nothing is shown of what TensorFlow notes on the machine while it is imported, which no setting turns off.

    Python's own errors are shown as ever. Where the processor is too old for TensorFlow, which ends the process with a note on
    that, nothing is hidden.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path) and _has_avx():
        sys.meta_path.insert(0, _Finder())


def _has_avx() -> bool:
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return " avx " in file.read()
    except OSError:
        return True


class _Finder:
    """Finds the first import of TensorFlow as Python does, and gives it a loader that runs it in silence."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                with native_notes_hidden():
                    run(module)

            spec.loader.exec_module = exec_module
        return spec
