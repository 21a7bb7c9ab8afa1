"""What cannot run step by step is refused, with the layer and the reason."""

import keras
import pytest
from keras import layers
from networks import multi_lstm, network

from videorec.config import UserError
from videorec.inference.step_model import StepModel
from videorec.layers import (
    DotProductAttention,
    MultipleOutput,
    NextFrameConvLSTM2D,
    TemporalPooling,
    UnconditionalConvGRU2D,
)

MAPS = (None, 8, 8, 3)


class LooksAhead(layers.Layer):
    def call(self, x):
        return keras.ops.flip(x, axis=1)


REFUSED = {
    "mean-differences": (lambda: multi_lstm(differences=("mean",)), "layer differences subtracts the mean"),
    "backwards": (
        lambda: network(layers.GRU(3, return_sequences=True, go_backwards=True, name="g")),
        "layer g reads the sequence backwards",
    ),
    "stateful": (
        lambda: keras.Model(
            {"rgb": (x := keras.Input(batch_shape=(2, 4, 3), name="rgb"))},
            {"steps": layers.LSTM(2, return_sequences=True, stateful=True, name="s")(x)},
        ),
        "layer s keeps states of its own",
    ),
    "unknown": (lambda: network(LooksAhead(name="ahead")), r"ahead \(LooksAhead\) is not known"),
    "convolution": (lambda: network(layers.Conv1D(3, 3, padding="causal", name="c")), r"c \(Conv1D\) is not known"),
    "operation": (lambda: network(lambda x: x[:, ::-1]), r"\(GetItem\) is not known"),
    "time-reshaped": (lambda: network(layers.Reshape((-1, 10), name="r")), r"r \(Reshape\) is not known"),
    "softmax-of-time": (lambda: network(layers.Softmax(axis=1, name="s")), r"s \(Softmax\) is not known"),
    "normalised-time": (lambda: network(layers.LayerNormalization(axis=(1, 2), name="n"), (4, 5)), r"n \(LayerNorm"),
    "activation": (
        lambda: network(layers.Dense(3, activation=lambda x: keras.ops.flip(x, 1), name="d")),
        r"d \(Dense\) is not known",
    ),
    "broadcast": (
        lambda: network(layers.Add(name="sum"), shapes={"a": (5, 3), "b": (None, 5, 3)}),
        r"sum \(Add\) is not known",
    ),
    "windows": (lambda: network(TemporalPooling(window=2, stride=1, name="p")), "layer p makes windows"),
    "forecaster": (
        lambda: network(NextFrameConvLSTM2D([2], 3, horizon=2, name="f"), MAPS),
        "only the last 2 steps of this output",
    ),
    "more-than-the-forecast": (
        lambda: network(lambda x: NextFrameConvLSTM2D([2], 3, horizon=2)(x)[:, -3:], MAPS),
        "reads more than the last 2 steps",
    ),
    "all-windows": (
        lambda: network(lambda x: layers.Flatten(name="w")(TemporalPooling(window=2)(x))),
        "layer w joins all steps into one vector, which needs a model of a fixed number of frames",
    ),
    "windows-of-windows": (
        lambda: network(lambda x: TemporalPooling(window=2, name="w")(TemporalPooling(window=2)(x))),
        "layer w makes windows of windows",
    ),
    "windows-and-frames": (
        lambda: network(lambda x: layers.Add(name="a")([x, TemporalPooling(window=1)(x)])),
        "layer a reads windows together with what has others, or none",
    ),
    "sequence-and-mean": (
        lambda: network(lambda x: layers.Add(name="a")([x, layers.GlobalAveragePooling1D(keepdims=True)(x)]), (4, 5)),
        "layer a reads a sequence, or starts one, together with what joins its steps",
    ),
    "every-step-asks": (
        lambda: network(lambda x: DotProductAttention(name="d")(x, x)[0]),
        "layer d asks at every step",
    ),
    "mean-of-late": (
        lambda: network(lambda x: layers.GlobalAveragePooling1D(name="m")(MultipleOutput()(x)), (None, 3, 2)),
        "layer m has a memory, and what it reads is 2 steps late",
    ),
    "channels-first": (
        lambda: network(layers.GlobalMaxPooling1D(data_format="channels_first", name="m")),
        "layer m has the channels first",
    ),
    "convolution-activation": (
        lambda: network(layers.Conv3D(2, 3, activation=lambda x: keras.ops.flip(x, 1), name="c"), MAPS),
        r"c \(Conv3D\) is not known",
    ),
    "padded-time": (lambda: network(layers.ZeroPadding3D(1, name="z"), MAPS), r"z \(ZeroPadding3D\) is not known"),
    "padded-convolution": (lambda: network(layers.Conv3D(2, 3, padding="same", name="c"), MAPS), r"c \(Conv3D\) is not known"),
    "unconditional": (
        lambda: network(lambda x: UnconditionalConvGRU2D(3, 3, steps=2, return_sequences=True, name="u")(x), (8, 8, 3)),
        r"u \(UnconditionalConvGRU2D\) is not known",
    ),
    "given-state": (
        lambda: network(
            lambda x: layers.GRU(3, return_sequences=True, name="g")(x[0], initial_state=x[1]),
            shapes={"a": (None, 3), "b": (3,)},
        ),
        "g starts from a state",
    ),
    "delays": (
        lambda: network(lambda x: layers.Add(name="a")([MultipleOutput()(x), MultipleOutput(delay=0)(x)]), (None, 3, 2)),
        "a reads sequences of different delay, 0 and 2 steps",
    ),
    "memory-of-late": (
        lambda: network(lambda x: layers.LSTM(2, return_sequences=True, name="l")(MultipleOutput()(x)), (None, 3, 2)),
        "l has a memory, and what it reads is 2 steps late",
    ),
    "size": (lambda: network(layers.Identity(), (None, None, None, 3)), "frames of one size"),
    "not-functional": (lambda: keras.Sequential([keras.Input((None, 3)), layers.Dense(2)]), "Received: a Sequential"),
    "no-names": (lambda: keras.Model(x := keras.Input((None, 3)), layers.Dense(2)(x)), "named inputs and outputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    build, message = REFUSED[case]
    with pytest.raises(UserError, match=message):
        StepModel(build())


def test_an_output_that_streams_beside_one_that_does_not():
    def both(x):
        return layers.Dense(2, name="d")(x)

    x = keras.Input((None, 3), name="rgb")
    model = keras.Model({"rgb": x}, {"steps": both(x), "ahead": LooksAhead(name="ahead")(x)})
    step = StepModel(model)
    assert step.delays == {"steps": 0} and set(step.left_out) == {"ahead"}
    assert "the layer ahead (LooksAhead) is not known" in step.left_out["ahead"]
    with pytest.raises(UserError, match="ahead of .* cannot run step by step, because the layer ahead"):
        StepModel(model, outputs=["steps", "ahead"])


def test_another_keras():
    model = network(layers.Dense(2))

    class Changed(type(model)):
        def _run_through_graph(self, inputs, operation_fn=None):
            raise AssertionError

    model.__class__ = Changed
    with pytest.raises(UserError, match=r"_run_through_graph\(inputs, call_fn\) \(3.15 has\).*Keras 3"):
        StepModel(model)
