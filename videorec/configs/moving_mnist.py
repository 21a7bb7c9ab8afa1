"""Moving MNIST on a CPU: an encoder-forecaster of two ConvLSTMs, generated training sequences, 10 frames in, 10 out.

    python train.py moving_mnist --data.digits mnist/
    python evaluate.py runs/moving_mnist --pictures 4

The digits are downloaded without --data.digits. About 20 minutes on two cores. The papers' own settings: moving_mnist_shi,
convlstm_stack.
"""

from videorec.config import Experiment
from videorec.forecasting.config import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist", train_sequences=1600, test_sequences=400),
    model=ConvLSTMForecaster(filters=(32, 32), kernel=5, patch=4),
    train=ForecastTrain(epochs=8, batch=8, learning_rate=2e-3, warmup_epochs=0.5),
    evaluate=ForecastEvaluate(),
)
