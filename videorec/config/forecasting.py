"""The settings of a forecasting experiment: sequences of frames instead of labelled videos."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt, Lt

from videorec.config.base import Fit, Measure, Model, Source
from videorec.config.bounds import Count, CountOrZero


@dataclass(frozen=True)
class Sequences(Source):
    """Which sequences of frames, and the windows of them that a model is trained on."""

    path: str = "moving_mnist"
    """`moving_mnist` (digits that move, made on the fly), a folder of .npz or .npy sequences, of frame folders (pictures in the
    order of their names) or of videos, or HDF5 or netCDF-4 (one file, or a folder of them). Sub-folders train, val, test
    (also training, valid, validation, testing) are splits."""
    digits: str | None = None
    """moving_mnist: folder with the raw MNIST IDX files, plain or gzipped. Default: keras.datasets.mnist (downloaded once)."""
    protocol: Literal["common", "shi"] = "common"
    """moving_mnist. common: generated training sequences, fixed test set (PredRNN, OpenSTL); shi: 500 digits, 10,000 / 2,000 /
    3,000 fixed sequences (Shi et al. 2015)."""
    test_file: str | None = None
    """moving_mnist, common: the fixed `mnist_test_seq.npy` (20 x 10,000 x 64 x 64). Default: a seeded set of test digits."""
    train_sequences: Count | None = None
    """moving_mnist: training sequences an epoch. Default: the protocol's 10,000."""
    test_sequences: Count | None = None
    """moving_mnist: test sequences, and validation sequences. Default: the protocol's."""
    key: str | None = None
    """.npz and HDF5: which array. Default: the only one there."""
    axes: str = "auto"
    """.npz, .npy and HDF5: the order of the axes, a letter each: N sequences, T time, H height, W width, C channels; e.g. NHWT
    (as in SEVIR) or NTHW. auto: THW or THWC of files with one sequence each."""
    values: tuple[float, float] | None = None
    """The values, unpacked where a file says how, that become 0 and 1; what lies outside is clipped, and counted in the log.
    Default: 0 to 255 for uint8; 0 to 1 for float, where other values are an error."""
    max_pixels: Count = 64_000_000
    """Videos and pictures with more pixels a frame are refused; they are not decoded."""
    frames: Count = 10
    """Frames that the model sees (J); it forecasts the next `--model.horizon` (K)."""
    hop: Count = 1
    """Distance of the starts of two windows of J + K frames of a longer sequence, in training."""
    test_hop: Count | None = None
    """The same for validation and test. Default: as long as a window, so that no two share a frame."""
    step: Count = 1
    """Distance of two frames of a window in frames of the sequence."""
    size: tuple[Count, Count] | None = None
    """Height and width that frames are resized to. Default: as they are."""
    val: Annotated[float, Gt(0), Lt(1)] = 0.15
    """Share of the training sequences (whole files) kept for validation where there is no folder val."""
    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the sequences (whole files) kept for the test where there is no folder test."""
    flip: bool = False
    """Mirror half of the training windows."""


@dataclass(frozen=True)
class Forecaster(Model):
    """A model that forecasts frames: `build(streams, classes)` takes one stream `rgb` of shape `(J, H, W, C)` with any C and
    gives the output `frames` `(B, K, H, W, C)` float32."""

    task: ClassVar[str] = "forecasting"
    tasks: ClassVar[dict[str, str]] = {"frames": "forecasting"}
    targets: ClassVar[tuple[str, ...]] = ("frames",)
    default_streams: ClassVar[dict[str, tuple]] = {"rgb": (10, 64, 64, 1)}

    horizon: Count = 10
    """Frames that are forecast (K)."""
    pixels: Literal["uint8", "float32"] = "uint8"
    """What the model takes: uint8 0 to 255, scaled to 0 to 1 inside, or float32 from 0 to 1 (radar, temperatures)."""


@dataclass(frozen=True)
class ForecastTrain(Fit):
    """How a forecaster is fitted."""

    loss: Literal["crossentropy", "mse", "mae", "mse+mae"] = "crossentropy"
    """crossentropy: summed over a sequence (Shi et al. 2015), for outputs in (0, 1); mse, mae: summed over a frame, averaged
    over frames (the common benchmark); mse+mae: their sum."""
    monitor: Literal["loss", "mse", "last"] = "loss"
    teacher_steps: Count = 50_000
    """Scheduled sampling of models that read their own forecasts: steps until true frames are shown no more."""


@dataclass(frozen=True)
class ForecastEvaluate(Measure):
    """How a forecaster is measured; evaluate.py can change it."""

    metrics: tuple[str, ...] = ("mse", "mae", "ssim", "psnr", "crossentropy")
    """mse, mae, ssim, ssim_range_1, psnr, crossentropy; rain: rainfall MSE, CSI, FAR, POD and correlation."""
    thresholds: tuple[float, ...] = (0.5,)
    """rain: mm/h from which on a pixel counts as rain."""
    dbz: tuple[float, float] = (-10.0, 60.0)
    """rain: the reflectivities, in dBZ, of values 0 and 1."""
    baselines: bool = True
    """Beside the model: the last frame repeated, the mean of the frames seen, the last frame moved on by its optical flow."""


@dataclass(frozen=True)
class ForecastOptions:
    """What evaluate.py takes for a forecaster; data and evaluate start from the run's own settings."""

    pictures: CountOrZero = 0
    """Windows, spread over the split, to be shown: rows of frames (.png) and an animation (.gif) of each."""
    data: Sequences = field(default_factory=Sequences)
    evaluate: ForecastEvaluate = field(default_factory=ForecastEvaluate)
