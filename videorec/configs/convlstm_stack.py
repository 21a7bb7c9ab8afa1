"""The common benchmark's ConvLSTM-S on Moving MNIST: next frames with scheduled sampling, 200 epochs, for a GPU.

    python train.py convlstm_stack --data.digits mnist/ --data.test-file mnist_test_seq.npy
    python evaluate.py runs/convlstm_stack

Settings of the benchmark (OpenSTL): Adam, 5e-4, batch 16, MSE over all 19 next frames, scheduled sampling over 50,000 steps;
its one-cycle schedule is a cosine with a warm-up here. Published: MSE 29.80, MAE 90.64, SSIM 0.9288. 11,675,648 weights.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_stack import ConvLSTMStack

EXPERIMENT = Experiment(
    data=Sequences(path="moving_mnist", protocol="common"),
    model=ConvLSTMStack(),
    train=ForecastTrain(epochs=200, batch=16, learning_rate=5e-4, weight_decay=0.0, clipnorm=None, warmup_epochs=5, loss="mse"),
    evaluate=ForecastEvaluate(metrics=("mse", "mae", "ssim", "psnr")),
)
