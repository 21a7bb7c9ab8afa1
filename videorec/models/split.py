"""A model cut after its frozen backbones: features can be computed once, and the head trained on them."""

import keras
from keras import tree

from videorec.config import UserError

SUFFIX = "_backbone"


def backbone_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The `TimeDistributed` backbone of each stream, by the stream's name."""
    return {layer.name.removesuffix(SUFFIX): layer for layer in model.layers if layer.name.endswith(SUFFIX)}


def is_frozen(model: keras.Model) -> bool:
    """True where the model has backbones and none of them has a trainable weight."""
    backbones = backbone_layers(model).values()
    return bool(backbones) and not any(layer.trainable_weights for layer in backbones)


def split(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """`cut(model)`, for features that are stored: its backbones must stay as they are. Training `head` trains `model` too.

    Raises:
        UserError: a backbone is trained (its features would change), or there is none.
    """
    if not is_frozen(model):
        raise UserError(
            f"Features can only be stored for a model whose backbones are all frozen; {model.name} has "
            f"{'a trained one' if backbone_layers(model) else 'none'}. Set trainable_from to none, or cache off."
        )
    return cut(model)


def cut(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """`(features, head)` such that `head(features(x))` equals `model(x)`; they share the model's layers and weights.

    `features` maps the model's inputs to `{stream: features}`; a backbone with several outputs gives `{stream}_0`,
    `{stream}_1`, ... (`taps`). `head` maps that dict to the model's outputs.

    Raises:
        ValueError: the model has no backbone.
    """
    if not backbone_layers(model):
        raise ValueError(f"Only a model with a layer named ...{SUFFIX} can be cut after it. Received: {model.name}")
    tensors = {}
    for stream, layer in backbone_layers(model).items():
        tensors |= taps(stream, layer.output)
    features = keras.Model(model.input, tensors, name=f"{model.name}_features")

    # Run the layers after the taps again, on inputs that carry the taps' names. `call`, not the model itself, so that
    # the head's outputs come from the model's own layers and keep their names.
    rest = keras.Model(list(tensors.values()), model.output)
    inputs = {name: keras.Input(batch_shape=tap.shape, dtype=tap.dtype, name=name) for name, tap in tensors.items()}
    head = keras.Model(inputs, rest.call(list(inputs.values())), name=f"{model.name}_head")
    return features, head


def taps(stream: str, outputs) -> dict:
    """The outputs of a stream's backbone by name: `stream` for a single one, else `{stream}_0`, `{stream}_1`, ..."""
    flat = tree.flatten(outputs)
    return {stream: flat[0]} if len(flat) == 1 else {f"{stream}_{i}": x for i, x in enumerate(flat)}
