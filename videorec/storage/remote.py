"""Files on other machines (s3://, az://, hdfs://) through `tf.io.gfile` and the file systems of tensorflow-io."""

import atexit
import contextlib
import ctypes
import errno
import functools
import os
import platform
import re
from collections.abc import Iterator

from videorec.config import UserError

# Read by tensorflow-io when it opens its first connection; what the user has set stays. Its own defaults are 5 minutes of
# silence and 11 attempts, so that a server that is gone holds each call up for 1 to 2 minutes and one that hangs for hours.
PATIENCE = {
    "AWS_RETRY_MODE": "standard",
    "AWS_MAX_ATTEMPTS": "3",
    "S3_CONNECT_TIMEOUT_MSEC": "5000",
    "S3_REQUEST_TIMEOUT_MSEC": "30000",
}


SCHEMES = ("s3", "az", "hdfs", "viewfs")  # of URLs; nothing else is fetched


def check_scheme(path: str, where: str = "") -> None:
    """Refuse URLs of other kinds than those that are read; a local path is none.

    Args:
        where: what named it, for the message.

    Raises:
        UserError: `http://`, `rtsp://`, `tcp://`, `file://`, `gs://`, ...
    """
    scheme, separator, _ = path.partition("://")
    if separator and scheme not in SCHEMES:
        raise UserError(
            f"{where or 'Paths'}: only s3://, az:// and hdfs:// are fetched; a local file is named by its path, others are "
            f"downloaded first. Received: {path}"
        )


@functools.cache
def gfile():
    """`tf.io.gfile`, with the file systems of tensorflow-io.

    Raises:
        UserError: tensorflow-io is not installed.
    """
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    import tensorflow as tf

    try:
        import tensorflow_io  # noqa: F401 -- registers the file systems
    except ImportError as error:
        raise UserError(
            "Reading s3://, az:// or hdfs:// needs tensorflow-io, which exists for Python 3.11 and 3.12 on Linux and macOS. "
            f"This is Python {platform.python_version()}: use one of those (pip install -r requirements.txt), or local files."
        ) from error
    atexit.register(_skip_destructors)
    return tf.io.gfile


def _skip_destructors() -> None:
    """tensorflow-io's S3 client aborts in its destructor at the end of the process ("pure virtual method called"), and the
    exit status is lost. Exit handlers of C run last in, first out: this one leaves with the true status before that."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):  # glibc
        libc.fflush(None)
        libc.on_exit(libc._exit, None)


@contextlib.contextmanager
def access(path: str) -> Iterator:
    """`with access(path) as gfile:` what fails inside raises OSError with the path and the reason.

    Raises:
        UserError: the path is of a scheme that is not fetched; tensorflow-io is not installed.
    """
    check_scheme(path)
    files = gfile()
    import tensorflow as tf

    try:
        yield files
    except tf.errors.OpError as error:
        raise _os_error(path, error) from error


def stat(path: str):
    """`length` in bytes, `mtime_nsec`, `is_directory`."""
    with access(path) as files:
        return files.stat(path)


def seek(file, offset: int) -> bool:
    """Go to a place in an open remote file; False where the file ends before."""
    import tensorflow as tf

    try:
        file.seek(offset)
    except tf.errors.OutOfRangeError:
        return False
    return True


def _os_error(path: str, error) -> OSError:
    import tensorflow as tf

    if isinstance(error, tf.errors.NotFoundError):
        return _not_found(path, error)
    denied = isinstance(error, tf.errors.PermissionDeniedError | tf.errors.UnauthenticatedError)
    return (PermissionError if denied else OSError)(errno.EACCES if denied else errno.EIO, _reason(error), path)


def _not_found(path: str, error) -> OSError:
    """S3 says "not found" of whatever it cannot look up, even of a server that is gone; its answer for the bucket is honest."""
    import tensorflow as tf

    bucket = re.match("s3://[^/]+/", path)
    if bucket:
        try:
            gfile().stat(bucket[0])
        except tf.errors.NotFoundError:
            return FileNotFoundError(errno.ENOENT, f"there is no bucket {bucket[0]}", path)
        except tf.errors.OpError as answer:
            return _os_error(path, answer)
    return FileNotFoundError(errno.ENOENT, "no such file", path)


def _reason(error) -> str:
    return error.message.strip(" :\n").splitlines()[0] if error.message.strip(" :\n") else type(error).__name__
