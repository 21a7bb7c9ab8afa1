"""Moving MNIST on a CPU: an encoder-forecaster of two ConvLSTMs, generated training sequences, 10 frames in, 10 out.

    python train.py moving_mnist --data.digits mnist/
    python evaluate.py runs/moving_mnist --pictures 4

The digits are downloaded without --data.digits. A quarter of an hour on two cores, which is enough to see where the digits go
and not what they look like: more epochs sharpen them. The papers' own settings: moving_mnist_shi, convlstm_stack.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist", train_sequences=1600, test_sequences=400),
    model=ConvLSTMForecaster(filters=(48, 48), kernel=3, patch=4),
    train=ForecastTrain(epochs=6, batch=4, learning_rate=2e-3, warmup_epochs=0.5),
    evaluate=ForecastEvaluate(),
)
