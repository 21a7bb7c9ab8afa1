"""Weights of models as the start of another: by stream, place and shape."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import keras

from videorec.config import UserError
from videorec.models.ensemble import Ensemble
from videorec.models.split import SUFFIX
from videorec.models.two_stream import PART

log = logging.getLogger(__name__)
NAMED = 8  # weights listed one by one in the log


def weights_by_place(model: keras.Model) -> dict[str, keras.Variable]:
    """The model's weights by layer and path, those of a backbone or a model inside with its name: `rgb_backbone/conv1/kernel`,
    `flow_stream/lstm/lstm_cell/kernel`."""
    places = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            places |= {f"{layer.name}/{place}": weight for place, weight in weights_by_place(layer).items()}
            continue
        for weight in layer.weights:
            place = weight.path if weight.path.startswith(f"{layer.name}/") else f"{layer.name}/{weight.path}"
            places[place] = weight
    return places


def transfer(sources: Sequence[tuple[keras.Model, str | Path]], target: keras.Model) -> list[str]:
    """Copy to every weight of `target` that of the same stream, place and shape in the first of `sources` that has one.

    A model of one stream and a part of `two_stream` count as the same: `rgb_stream/lstm/...` takes the `lstm/...` of an RGB
    run, and the other way round. A place that no source has in that stream is taken from the other stream's (Ng et al. 2015:
    flow networks start from the weights of raw frames). Both streams are pictures of three channels, so that the first
    convolution fits as it is.

    Args:
        sources: models of any kind, and where each comes from, for messages.
        target: any model.

    Returns:
        The places in `target` that keep their initial values.

    Raises:
        UserError: a source is an ensemble, which has several weights for one place, or not one weight of it is taken; nothing
            is copied then.
    """
    for source, origin in sources:
        if source.name == Ensemble.name:
            raise UserError(f"{origin} is several runs fused (videorec.tools.fuse): give one of them to --train.init")
    stores = [{_address(source, place): w for place, w in weights_by_place(source).items()} for source, _ in sources]
    assigned, kept = [], {}
    for place, weight in weights_by_place(target).items():
        candidates = _candidates(stores, *_address(target, place))
        fitting = [(number, stored) for number, stored in candidates if stored.shape == weight.shape]
        if fitting:
            assigned.append((weight, *fitting[0]))
        else:
            there = [f"{tuple(stored.shape)} there" for _, stored in candidates] or ["not there"]
            kept[place] = f"{tuple(weight.shape)} ({', '.join(dict.fromkeys(there))})"
    counts = Counter(number for _, number, _ in assigned)
    _check_use(sources, counts, target)
    for weight, _, stored in assigned:
        weight.assign(stored)
    for number, (_, origin) in enumerate(sources):
        log.info("%s: %d of %d weights taken", origin, counts[number], len(assigned) + len(kept))
    _log_kept(kept)
    return list(kept)


def _check_use(sources, counts: Counter, target: keras.Model) -> None:
    for number, (source, origin) in enumerate(sources):
        if not counts[number]:
            earlier = ", or those before it have it" if number else ""
            raise UserError(
                f"No weight of {origin} ({source.name}) fits this model ({target.name}){earlier}: leave it out of --train.init"
            )


def _log_kept(kept: dict[str, str]) -> None:
    for place, why in list(kept.items())[:NAMED]:
        log.info("  stays as initialised: %s %s", place, why)
    if len(kept) > NAMED:
        log.info("  ... and %d more", len(kept) - NAMED)


def _address(model: keras.Model, place: str) -> tuple[str, str]:
    """The stream that a weight belongs to, and its place in a model of that stream alone; "" where no stream can be told."""
    names = model.input if isinstance(getattr(model, "input", None), dict) else {}
    first, _, rest = place.partition("/")
    for stream in names:
        if first == f"{stream}{SUFFIX}":
            return stream, f"{SUFFIX}/{rest}"
        if first == f"{stream}{PART}":
            return stream, rest
    return next(iter(names)) if len(names) == 1 else "", place


def _candidates(stores: list[dict], stream: str, place: str) -> list[tuple[int, keras.Variable]]:
    """`(number of the source, weight)` of that place, of the stream; of any other where no source has it in the stream."""
    stored = [(number, s, weight) for number, store in enumerate(stores) for (s, p), weight in store.items() if p == place]
    own = [(number, weight) for number, s, weight in stored if s == stream]
    return own or [(number, weight) for number, _, weight in stored]
