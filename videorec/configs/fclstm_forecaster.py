"""Encoder-forecaster of fully connected LSTMs: the baseline of Shi et al. 2015, 142,667,776 weights on 64 x 64.

    python train.py fclstm_forecaster --data.digits mnist/ --data.protocol shi
    python evaluate.py runs/fclstm_forecaster

Published cross-entropy a sequence: 4832.49. Smaller: --model.units 512 512.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.fclstm_forecaster import FCLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist"),
    model=FCLSTMForecaster(),
    train=ForecastTrain(epochs=100, batch=16, optimizer="rmsprop", clipnorm=None, schedule="constant", patience=10),
    evaluate=ForecastEvaluate(),
)
