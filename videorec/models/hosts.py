"""The devices that share every step of a training on JAX, and the processes that hold them: one on each host, or one alone.

Keras's own distribution (`keras.distribution`): all processes run the same program. A step is computed by all of them
together, each with its part of the batch; what a process does by itself (decoding, features, files) is outside of it.
"""

import atexit
import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from videorec.config import UserError
from videorec.models import backend

log = logging.getLogger(__name__)

ADDRESSES = "KERAS_DISTRIBUTION_JOB_ADDRESSES"
VARIABLES = (ADDRESSES, "KERAS_DISTRIBUTION_NUM_PROCESSES", "KERAS_DISTRIBUTION_PROCESS_ID")
CONNECTIONS = ("Gloo", "NCCL", "closed by peer")  # what errors of JAX name that come from another process
MISSED_SECONDS = 30  # after which a process that is gone ends the others
MOST_COMPARED = 4  # texts that `agree` compares at once: what is exchanged has one size everywhere

_shared: keras.distribution.DataParallel | None = None


class PeerError(UserError):
    """Another process has failed, and said why."""


# === Who takes part ===


def share(all_devices: bool) -> keras.distribution.DataParallel | None:
    """Join the other processes where the environment names them, and say what the steps are distributed over from now on.

    To be called before anything is computed, after the seed is set.

    Args:
        all_devices: of one process too, all of its devices share the steps.

    Returns:
        The distribution, or None: one process computes alone, on one device.

    Raises:
        UserError: the variables that name the processes are incomplete or out of range, they cannot be reached, they have not
            the same number of devices, or there is one device alone.
    """
    global _shared
    _shared = None
    _join()
    if count() == 1 and not all_devices:
        return None
    import jax

    if jax.device_count() != count() * jax.local_device_count():
        raise UserError(f"All processes must have as many devices. Process {index()} has {jax.local_device_count()}.")
    if jax.device_count() == 1:
        raise UserError("--train.multi-gpu needs at least two devices; JAX sees 1.")
    _shared = keras.distribution.DataParallel(auto_shard_dataset=False)
    log.info("each step is shared by %d devices of %d processes", devices(), count())
    return _shared


def _join() -> None:
    given = [name for name in VARIABLES if os.environ.get(name)]
    if not given:
        return
    backend.check(f"Training by several processes ({given[0]})", ("jax",))
    processes, number = _numbers()
    import jax

    if jax.distributed.is_initialized():
        return
    try:
        # As keras.distribution.initialize, which cannot be told how soon a process that is gone is missed.
        jax.distributed.initialize(
            os.environ[ADDRESSES].split(",")[0],
            processes,
            number,
            heartbeat_timeout_seconds=MISSED_SECONDS,
            shutdown_timeout_seconds=MISSED_SECONDS,
        )
    except Exception as error:  # of several kinds, by version
        raise UserError(
            f"Process {number} of {processes} cannot reach the others at {os.environ[ADDRESSES]}: {error}. Start the same "
            "command once for each process, with the address of process 0 and a free port of it."
        ) from error
    if not first():
        logging.getLogger().setLevel(logging.WARNING)  # process 0 speaks for all


def _numbers() -> tuple[int, int]:
    """How many processes there are, and which this is."""
    rule = f"Several processes need all of {', '.join(VARIABLES)}"
    missing = [name for name in VARIABLES if not os.environ.get(name)]
    if missing:
        raise UserError(f"{rule}: host:port of process 0, their number, and 0, 1, ... Missing: {', '.join(missing)}")
    try:
        processes, number = (int(os.environ[name]) for name in VARIABLES[1:])
    except ValueError:
        processes, number = 0, 0
    if not 0 <= number < processes:
        received = ", ".join(f"{name}={os.environ[name]}" for name in VARIABLES[1:])
        raise UserError(f"{rule}: a number of processes, and below it, from 0 on, which this is. Received: {received}")
    return processes, number


def distribution() -> keras.distribution.DataParallel | None:
    """What the steps are distributed over; None: nothing is."""
    return _shared


def on_all_devices(values: np.ndarray):
    """The same values on each device that shares the steps, as one array of JAX; all processes must call it with them."""
    import jax

    everywhere = jax.sharding.NamedSharding(_shared.device_mesh.backend_mesh, jax.sharding.PartitionSpec())
    return jax.make_array_from_callback(values.shape, everywhere, lambda place: values[place])


def from_first(values: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays of the first process, in all of them; each must have arrays of these shapes."""
    from jax.experimental import multihost_utils

    return [np.asarray(x) for x in multihost_utils.broadcast_one_to_all(values)]


def devices() -> int:
    """How many devices share a step, those of all processes."""
    return 1 if _shared is None else _shared.device_mesh.devices.size


def count() -> int:
    """How many processes train together."""
    if not backend.on_jax():
        return 1
    import jax

    return jax.process_count()


def index() -> int:
    """Which of them this is, from 0."""
    if not backend.on_jax():
        return 0
    import jax

    return jax.process_index()


def first() -> bool:
    """Whether this is the process that writes, and speaks for all."""
    return index() == 0


# === Waiting for each other ===


def agree(compared: Mapping[str, str] | None = None) -> None:
    """Wait until all processes are here; what each of them found must be the same.

    Args:
        compared: texts by what they are, `MOST_COMPARED` at most, with the same names in all processes.

    Raises:
        UserError: one differs from that of process 0.
        PeerError: another process failed before.
    """
    compared = dict(compared or {})
    if count() == 1:
        return
    rows = _exchanged(compared.values())
    failed = np.flatnonzero(rows[:, 0])
    if len(failed):
        raise PeerError(f"Process {failed[0]} has failed, so that all end: its own message says why.")
    for number, name in enumerate(compared):
        digests = rows[:, 1:].reshape(len(rows), MOST_COMPARED, 32)[:, number]
        others = [process for process, digest in enumerate(digests) if (digest != digests[0]).any()]
        if others:
            raise UserError(
                f"All processes must have the same {name}; other than process 0 have: {', '.join(map(str, others))}. Give "
                "them the same command, version and files: folders that all hosts see, or the same content in all."
            )


@contextlib.contextmanager
def failing_together() -> Iterator[None]:
    """While the block runs, an error of one process ends the others too, at the next `agree`."""
    try:
        yield
    except PeerError:
        raise
    except BaseException:
        if count() > 1:
            _exchanged((), failed=True)
        raise


@contextlib.contextmanager
def leaving_at_once() -> Iterator[None]:
    """While the block computes steps with all others, an error of this process ends it without waiting for them, and so ends
    them: what they wait for will not come.

    Raises:
        PeerError: in the others.
    """
    try:
        yield
    except BaseException as error:
        if count() == 1:
            raise
        if isinstance(error, Exception) and any(word in str(error) for word in CONNECTIONS):  # of several types
            error = PeerError(
                "Another process has ended in the middle of a step: its own message says why. The state after the last epoch "
                "is kept; the same command, of any number of processes, goes on from there."
            )
        status = 130 if isinstance(error, KeyboardInterrupt) else 2 if isinstance(error, UserError) else 1
        atexit.register(_leave, status)  # before JAX's own, which would wait for the others
        raise error from error.__cause__


def _leave(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _exchanged(texts, failed: bool = False) -> np.ndarray:
    """Of every process `(1 + MOST_COMPARED * 32,)` uint8: whether it failed, and digests."""
    from jax.experimental import multihost_utils

    digests = [np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8) for text in texts]
    row = np.zeros(1 + MOST_COMPARED * 32, np.uint8)
    row[0] = failed
    if digests:
        row[1 : 1 + 32 * len(digests)] = np.concatenate(digests)
    return np.asarray(multihost_utils.process_allgather(row)).reshape(count(), -1)
