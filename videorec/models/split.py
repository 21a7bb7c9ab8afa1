"""A model in two parts: what no training changes, whose features can be computed once, and the rest, trained on them.

`split` cuts where the first trained layer of each backbone begins: in the middle of the CNN where it is trained from a layer
on, at its end where it is frozen. `cut` cuts at the end of the CNNs, trained or not.

    frames -> | rgb_backbone: conv1 ... block_12_add | -> maps -> | rgb_backbone: block_13_expand ... pooled -> lstm -> steps |
              |              features                |            |                          head                            |
"""

import keras
from keras import tree

from videorec.config import UserError
from videorec.layers import TimeDistributed
from videorec.models.graph import divided

SUFFIX = "_backbone"
BACKGROUND = "_background"  # a stream's layer after its backbone that needs all frames of a video, and learns nothing


def backbone_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The `TimeDistributed` backbone of each stream, by the stream's name."""
    return {layer.name.removesuffix(SUFFIX): layer for layer in model.layers if layer.name.endswith(SUFFIX)}


def has_frozen_part(model: keras.Model) -> bool:
    """Whether each backbone (one at least) is frozen whole, or from its first kernel up to a layer inside it."""
    backbones = backbone_layers(model).values()
    return bool(backbones) and all(map(_begins_frozen, backbones))


def _begins_frozen(backbone: keras.layers.Layer) -> bool:
    first = next((layer for layer in getattr(backbone.layer, "layers", ()) if hasattr(layer, "kernel")), None)
    return not backbone.trainable_weights or (first is not None and not first.trainable)


def split(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """`(features, head)` such that `head(features(x))` equals `model(x)`, and no training changes `features`: each backbone up
    to its first trained layer. They share the model's layers and weights: training `head` trains `model`.

    Names are those of `cut`. Where a residual block is trained from its middle on, what leads into it and what leads past it
    are outputs of `features`, both.

    Raises:
        UserError: a backbone is trained from its first layer on, or there is none.
    """
    if not has_frozen_part(model):
        backbones = "a backbone trained from its first layer on" if backbone_layers(model) else "no backbone"
        raise UserError(
            f"Features can only be stored where each backbone begins with frozen layers. Received: {model.name}, which has "
            f"{backbones}. Set trainable_from to none or a later layer, or cache off."
        )
    features, inputs, ends = {}, {}, {}  # below the cut; the head's inputs, which stand for them; at the end of the CNNs
    for stream, layer in backbone_layers(model).items():
        upper, below = None, layer.output
        if layer.trainable_weights:
            lower, upper = divided(layer.layer)
            below = TimeDistributed(lower, name=layer.name)(model.input[stream])
        below = taps(stream, below)
        given = {name: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=name) for name, x in below.items()}
        ends |= taps(stream, TimeDistributed(upper, name=layer.name)(list(given.values()))) if upper else given
        features, inputs = features | below, inputs | given
    _, rest = cut(model)
    head = keras.Model(inputs, rest.call(ends), name=f"{model.name}_head")
    return keras.Model(model.input, features, name=f"{model.name}_features"), head


def split_whole_videos(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """As `split`, for features of whole videos of which windows are trained on: what looks at all frames before anything is
    learnt, `BackgroundSubtraction` (or the running one) after a frozen backbone, belongs to `features`: it sees the video, not
    a window."""
    backgrounds = background_layers(model)
    if not backgrounds or any(layer.trainable_weights for layer in backbone_layers(model).values()):
        return split(model)
    return _divided_at(model, {stream: layer.output for stream, layer in backgrounds.items()})


def background_layers(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The `BackgroundSubtraction`, or the running one, of each stream that has one after its backbone."""
    return {layer.name.removesuffix(BACKGROUND): layer for layer in model.layers if layer.name.endswith(BACKGROUND)}


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
    return _divided_at(model, tensors)


def _divided_at(model: keras.Model, tensors: dict[str, keras.KerasTensor]) -> tuple[keras.Model, keras.Model]:
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
