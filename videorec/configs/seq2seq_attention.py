"""Sequence to sequence with attention: a decoder looks back at every frame seen and forecasts the next ones.

    python train.py seq2seq_attention --data.path sequences/
    python evaluate.py runs/seq2seq_attention --pictures 4

Luong et al. 2015, with CNNs at both ends. `sequences/` as in convlstm_forecaster.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.seq2seq_attention import Seq2SeqAttention

EXPERIMENT = Experiment(
    data=Sequences(path="sequences"),
    model=Seq2SeqAttention(),
    train=ForecastTrain(epochs=20, batch=16, learning_rate=1e-3),
    evaluate=ForecastEvaluate(),
)
