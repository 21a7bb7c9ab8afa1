"""Weights of one model as the start of another: by place and shape."""

import logging
from pathlib import Path

import keras

from videorec.config import UserError

log = logging.getLogger(__name__)
NAMED = 8  # weights listed one by one in the log


def weights_by_place(model: keras.Model) -> dict[str, keras.Variable]:
    """The model's weights by layer and path, those of a backbone with its stream: `rgb_backbone/conv1/kernel`."""
    found = {}
    for layer in model.layers:
        for weight in layer.weights:
            place = weight.path if weight.path.startswith(f"{layer.name}/") else f"{layer.name}/{weight.path}"
            found[place] = weight
    return found


def transfer(source: keras.Model, target: keras.Model, origin: str | Path) -> list[str]:
    """Copy every weight of `source` that `target` has at the same place with the same shape.

    A `flow` backbone without counterpart starts from the `rgb` one, and the other way round (Ng et al. 2015: flow networks
    start from the weights of the raw frames).

    Args:
        source, target: models of any kind.
        origin: where `source` comes from, for messages.

    Returns:
        The places in `target` that keep their initial values.

    Raises:
        UserError: not one weight fits.
    """
    stored = weights_by_place(source)
    kept = []
    for place, weight in weights_by_place(target).items():
        values = stored.get(place, stored.get(_other_stream(place)))
        if values is None or values.shape != weight.shape:
            why = "not there" if values is None else f"{tuple(values.shape)} there"
            kept.append(f"{place} {tuple(weight.shape)} ({why})")
        else:
            weight.assign(values)
    count = len(weights_by_place(target))
    if len(kept) == count:
        raise UserError(f"No weight of {origin} ({source.name}) fits this model ({target.name}): start without --train.init")
    log.info("%s: %d of %d weights taken", origin, count - len(kept), count)
    for line in kept[:NAMED]:
        log.info("  stays as initialised: %s", line)
    if len(kept) > NAMED:
        log.info("  ... and %d more", len(kept) - NAMED)
    return [line.split(" ")[0] for line in kept]


def _other_stream(place: str) -> str:
    for one, other in (("flow_backbone/", "rgb_backbone/"), ("rgb_backbone/", "flow_backbone/")):
        if place.startswith(one):
            return place.replace(one, other, 1)
    return place
