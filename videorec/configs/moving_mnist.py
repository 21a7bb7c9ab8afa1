"""Moving MNIST on a CPU: two small ConvLSTMs say how the last frame moves on; generated sequences, 10 frames in, 10 out.

    python train.py moving_mnist --data.digits mnist/
    python evaluate.py runs/moving_mnist --pictures 4

The digits are downloaded without --data.digits. Four of the six epochs took 11 minutes of one core, which is enough to forecast
better than the last frame moved on by its optical flow, and too little to learn how digits bounce and cross: what is unsure
fades away. More epochs sharpen it. The papers' own settings: moving_mnist_shi, convlstm_stack.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist", train_sequences=1600, test_sequences=400),
    model=ConvLSTMForecaster(filters=(32, 32), kernel=3, patch=4, motion=4),
    train=ForecastTrain(epochs=6, batch=2, learning_rate=2e-3, warmup_epochs=0.25, loss="mse+mae"),
    evaluate=ForecastEvaluate(),
)
