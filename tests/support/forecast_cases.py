"""The forecasting models, in every form that has a graph of its own, made small."""

import dataclasses

import numpy as np

from videorec.models.convlstm_forecaster import ConvLSTMForecaster
from videorec.models.convlstm_stack import ConvLSTMStack
from videorec.models.fclstm_forecaster import FCLSTMForecaster
from videorec.models.seq2seq_attention import Seq2SeqAttention

HEIGHT, WIDTH, CHANNELS, CLASSES, HORIZON = 8, 12, 2, 4, 3
_SEQ2SEQ = {"units": 6, "embedding": 5, "filters": (4, 3), "horizon": HORIZON}

CASES = {
    "convlstm": ConvLSTMForecaster(HORIZON, filters=(3, 4), kernel=3, patch=2),
    "convlstm-one": ConvLSTMForecaster(HORIZON, filters=(3,), kernel=3, patch=1, peephole=None),
    "convlstm-spatial": ConvLSTMForecaster(HORIZON, filters=(3, 2), kernel=3, recurrent_kernel=1, peephole="spatial"),
    "convlstm-gru": ConvLSTMForecaster(HORIZON, cell="conv_gru", filters=(3, 4), kernel=3, patch=2),
    "convlstm-residual": ConvLSTMForecaster(HORIZON, filters=(3,), kernel=3, patch=2, residual="last"),
    "convlstm-mean": ConvLSTMForecaster(HORIZON, filters=(3,), kernel=3, patch=2, residual="mean"),
    "fclstm": FCLSTMForecaster(HORIZON, units=(5, 4)),
    "stack": ConvLSTMStack(HORIZON, filters=(3, 4), kernel=3, patch=2),
    "seq2seq": Seq2SeqAttention(**_SEQ2SEQ),
    "seq2seq-general": Seq2SeqAttention(**_SEQ2SEQ | {"filters": (4, 3, 5)}, score="general"),
    "seq2seq-labels": Seq2SeqAttention(**_SEQ2SEQ, target="labels", score="concat"),
    "seq2seq-backbone": Seq2SeqAttention(**_SEQ2SEQ, target="labels", backbone="tiny", tap="map"),
}


def channels(case: str) -> int:
    """Backbones take RGB; the others anything."""
    return 3 if case == "seq2seq-backbone" else CHANNELS


def build(case: str, time=None, **changes):
    """The model of a case, with J open."""
    model = dataclasses.replace(CASES[case], **changes)
    return model.build({"rgb": (time, HEIGHT, WIDTH, channels(case))}, CLASSES)


def frames(case: str, batch: int = 2, time: int = 4, seed: int = 0) -> np.ndarray:
    """Noise `(B, J, H, W, C)`."""
    shape = (batch, time, HEIGHT, WIDTH, channels(case))
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def shapes(case: str, batch: int, time: int, horizon: int = HORIZON) -> dict[str, tuple]:
    """The outputs that a model must have."""
    pictures = {"frames": (batch, horizon, HEIGHT, WIDTH, channels(case))}
    labels = {"steps": (batch, horizon, CLASSES), "probabilities": (batch, CLASSES)}
    expected = labels if CASES[case].name == "seq2seq_attention" and CASES[case].target == "labels" else pictures
    return expected | ({"attention": (batch, horizon, time)} if case.startswith("seq2seq") else {})
