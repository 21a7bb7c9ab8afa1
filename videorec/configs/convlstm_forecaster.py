"""Encoder-forecaster of ConvLSTMs (Shi et al. 2015), small: sequences of any kind, 10 frames in, 10 out.

    python train.py convlstm_forecaster --data.path sequences/
    python evaluate.py runs/convlstm_forecaster --pictures 4

`sequences/` holds .npz or .npy arrays, HDF5 files, folders of pictures, or videos. Where frames are not uint8, say which values
become 0 and 1: --data.values 18 40 --model.pixels float32. Sides must be multiples of --model.patch, or set --data.size.
"""

from videorec.config import Experiment
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.models.convlstm_forecaster import ConvLSTMForecaster

EXPERIMENT = Experiment(
    data=Sequences(path="sequences"),
    model=ConvLSTMForecaster(filters=(32, 32), kernel=5),
    train=ForecastTrain(epochs=20, batch=8, learning_rate=2e-3),
    evaluate=ForecastEvaluate(),
)
