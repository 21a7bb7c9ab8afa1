"""What the settings of every task share: a model, its data, how it is fitted and measured."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from videorec.config.bounds import Count, Part, Positive, PositiveOrZero, Seed


@dataclass(frozen=True)
class Source:
    """What a model learns from."""


@dataclass(frozen=True)
class Model:
    """What every model is. A model is one class in a file of `videorec/models`, where it needs no entry in any list.

    A subclass has a `name`, its hyperparameters as fields with a docstring each, `build(streams, classes) -> keras.Model`, and
    `forms`. Where it differs from what stands here it overrides the rest: what it learns, takes and gives.
    """

    name: ClassVar[str] = ""
    """What `videorec.models.build` and config.json call it; classes without one are not models themselves."""
    task: ClassVar[str] = "recognition"
    """The task of its default target."""
    tasks: ClassVar[dict[str, str]] = {}
    """The task that each target of its kind belongs to."""
    targets: ClassVar[tuple[str, ...]] = ()
    """What its field `target` can be, first the one whose outputs `build` makes."""
    default_streams: ClassVar[dict[str, tuple]] = {"rgb": (16, 224, 224, 3)}
    """The streams of a model that is built without any named."""
    export_tolerance: ClassVar[float] = 1e-5
    """Largest difference between Keras and an export, of probabilities and of frames from 0 to 1. A backbone has one of its
    own: `videorec.models.export_tolerance` looks at both."""
    trained: ClassVar[bool] = True
    """Whether train.py trains it; not what is made of trained runs."""

    @classmethod
    def forms(cls) -> dict[str, dict]:
        """Small models for the tests that every model must pass: hyperparameters by the name of the form, first `plain`.

        One form for each graph that the hyperparameters can make, each with few units and on the CNN `tiny`
        (`videorec.models.backbones.tiny.TINY`), so that it is built, trained a step and exported in seconds.
        """
        raise NotImplementedError(f"{cls.__name__} must name its small forms: forms() -> {{name: hyperparameters}}")

    @property
    def extra_outputs(self) -> tuple[str, ...]:
        """What the model gives besides `steps` and `probabilities`, or besides `frames`: `attention`, ..."""
        return ()

    @property
    def causal(self) -> bool:
        """Whether the output of a step depends on no later frame."""
        return True

    @property
    def any_length(self) -> bool:
        """Whether one set of weights takes clips of any number of frames."""
        return True

    @property
    def least_frames(self) -> int:
        """The shortest clip that the model takes."""
        return 1

    def part(self, stream: str) -> "Model":
        """The model that reads a stream: this one, unless it has one for each."""
        return self


@dataclass(frozen=True)
class Fit:
    """How any model is fitted."""

    epochs: Count = 30
    """Passes over the training data."""
    steps: Count | None = None
    """Most training steps: after these training ends, in the middle of an epoch too. None: those of all epochs."""
    batch: Count = 16
    """Clips a step, over all devices."""
    optimizer: Literal["adamw", "sgd", "rmsprop"] = "adamw"
    """adamw: decoupled weight decay; sgd: momentum, with weight decay as an L2 gradient (as in Caffe); rmsprop: decay 0.9, no
    weight decay."""
    learning_rate: Positive = 1e-3
    """Base learning rate."""
    momentum: Part = 0.9
    """Momentum of sgd."""
    weight_decay: PositiveOrZero = 1e-4
    """Weight decay; biases and normalisation weights are left out."""
    clipnorm: Positive | None = 1.0
    """Largest global norm of the gradient; None: no clipping."""
    ema: Part | None = None
    """Validate and keep averages of the weights in place of the weights of the last step: after each step, the average is this
    share of itself and the rest of the new weights (0.98: about the last 50 steps). None: no averages."""
    schedule: Literal["constant", "cosine", "step"] = "cosine"
    """cosine: down to 0 at the last epoch; step: times 0.1 every `step_every` steps."""
    warmup_epochs: PositiveOrZero | None = None
    """cosine: epochs over which the learning rate rises from 0. Default: 1. The other schedules start at full rate."""
    step_every: Count = 10_000
    """Steps between two drops of the step schedule."""
    monitor: str = "loss"
    """Validation metric that picks the best model, the later one of equals (training metric without a validation set).
    map: mean average precision of several labels; last: keep the last epoch's model, where the validation set is too small to
    choose by."""
    patience: Count | None = None
    """Stop after this many epochs without a better `monitor`; None: never."""
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    """Arithmetic of the layers; weights and outputs stay float32."""
    jit: bool = False
    """Compile the train step with XLA. Much slower on a CPU."""
    multi_gpu: bool = False
    """Share each batch among all GPUs of this machine (TensorFlow's MirroredStrategy; on JAX Keras's DataParallel)."""
    profile: tuple[Count, ...] = ()
    """Profile these steps, the first and the last, e.g. 20 30: TensorBoard shows where their time goes."""
    deterministic: bool = False
    """Same seed, same machine, same numbers; slower."""
    init: tuple[str, ...] = ()
    """Start from other runs' weights: folders runs/NAME, or .keras files. Every weight of the same place and shape is taken
    (the backbone's too; a flow network takes an RGB network's), the others are listed and keep their initial values."""
    resume: bool = True
    """Go on where an interrupted run of the same name and settings stopped. Off: start anew; the
    old run is renamed to NAME.old-1."""
    seed: Seed = 0
    """Seed of the initial weights, the order of the data and the augmentation."""


@dataclass(frozen=True)
class CachedFit(Fit):
    """How a model with a backbone is fitted: what its frozen layers give is computed once."""

    backbone_rate: Positive = 1.0
    """Learning rate of the backbone's trained layers, as a factor of the others' (0.1: a tenth). Weight decay follows it."""
    last_rate: Positive = 1.0
    """Learning rate of the classifier, the last layer before the logits (of several, each), as a factor of the others'."""
    cache: bool = True
    """Compute once what lies below the first trained layer of the backbone (all of a frozen one), store it, and train the rest
    on it. Off: frames are decoded, augmented and run through the whole CNN in each epoch."""
    cache_views: Count = 4
    """Versions of each training video in the cache: the first is plain, the others are augmented."""
    cache_dir: str = "~/.cache/videorec/features"
    """Folder of the cached features."""


@dataclass(frozen=True)
class Measure:
    """How a trained model is measured."""

    split: Literal["test", "val", "train"] = "test"
    """Which part of the data."""
    batch: Count = 16
    """Clips a step."""
