"""Which sequences a forecaster is measured on: a split of its own data, or other data."""

import os

from videorec.config import Experiment, UserError
from videorec.config.forecasting import Sequences
from videorec.data import selection
from videorec.data.record import Record, base_of, size_of
from videorec.data.seen import Trained, seen_in_training, tell_seen
from videorec.data.selection import ALL, Selection
from videorec.data.sequences.moving_mnist import MovingMNIST
from videorec.data.sequences.windows import SequenceSet, open_sequences


def choose(data: Sequences, split: str, trained: Experiment, record: Record | None) -> tuple[SequenceSet, Selection]:
    """A split of the run's own data, by its record, or of other data; all where those name no splits. No video is listed.

    Args:
        trained: the run's experiment.
        record: of the run's sequences; None: an older run without one.

    Raises:
        UserError: as `open_sequences`; other shares of the splits than the run's, or a split that other data have not.
    """
    own, horizon, seed = trained.data, trained.model.horizon, trained.train.seed
    if record is not None and (data.val, data.test) != (own.val, own.test):
        shares = f"{own.val:g} and {own.test:g}. Received: {data.val:g} and {data.test:g}"
        raise UserError(f"--data.val and --data.test are the run's, for its split stays what it was: {shares}")
    base = base_of(own.path)
    base = os.path.dirname(base) if os.path.isfile(base) else base
    of_run = Trained(own, base, record, lambda: open_sequences(own, horizon, seed).record(), seed)
    source = open_sequences(data, horizon, seed, record, of_run)
    if isinstance(source, MovingMNIST):
        same = selection.is_named_alike(data, own)
        return source, Selection([], split, same, None if same else {"train": [], "val": []})
    if source.own:
        if record is None:
            selection.tell_drawn_anew()
        return source, Selection([], split)
    split = ALL if ALL in source.files else split
    if split not in source.files:
        raise UserError(f"{data.path} has no {split} sequences. Choose --evaluate.split {' or '.join(source.files)}")
    files = source.files_of(split)
    seen = seen_in_training(files, size_of, of_run)
    tell_seen(seen, len(files), data.path)
    return source, Selection([], split, False, seen)
