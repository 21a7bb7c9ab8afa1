"""Moving MNIST as in the ConvLSTM paper: 5x5-128-64-64 with peepholes, 500 digits, 15,000 fixed sequences, cross-entropy.

    python train.py moving_mnist_shi --data.digits mnist/
    python evaluate.py runs/moving_mnist_shi

Shi et al. 2015, section 4.1: RMSProp 1e-3 with decay 0.9, early stopping on the validation set; the batch is not stated there.
Published cross-entropy a sequence: 3670.85. 7,585,296 weights; for a GPU.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist", protocol="shi"),
    model=ConvLSTMForecaster(filters=(128, 64, 64), kernel=5, peephole="channel"),
    train=ForecastTrain(epochs=100, batch=16, optimizer="rmsprop", clipnorm=None, schedule="constant", patience=10),
    evaluate=ForecastEvaluate(),
)
