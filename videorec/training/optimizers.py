"""AdamW, SGD as in the papers, RMSprop; schedules of the learning rate, and its factors for single layers."""

from collections.abc import Sequence

import keras

from videorec.config import CachedFit, Fit, UserError
from videorec.models.graph import last_layers
from videorec.models.split import backbone_layers


class _Factors:
    """What makes an optimizer of Keras one whose learning rate has a factor for each variable.

    Args:
        factors: of the variables, in the order in which the optimizer is built on them; empty: 1 for all.
    """

    def __init__(self, *args, factors: Sequence[float] = (), **kwargs):
        super().__init__(*args, **kwargs)
        self.factors = tuple(factors)

    def rate_of(self, variable, learning_rate):
        """A variable's own learning rate."""
        return learning_rate * self.factors[self._get_variable_index(variable)] if self.factors else learning_rate

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update."""
        super().update_step(gradient, variable, self.rate_of(variable, learning_rate))

    def get_config(self):
        """With factors."""
        return {**super().get_config(), "factors": self.factors}


@keras.saving.register_keras_serializable(package="videorec")
class L2SGD(_Factors, keras.optimizers.SGD):
    """SGD whose weight decay is added to the gradient before momentum, as in Caffe; Keras's own is decoupled.

    Args:
        l2: weight decay of variables with two axes or more (kernels; not biases or normalisation weights).
        factors: of each variable's learning rate (Caffe's lr_mult).
    """

    def __init__(self, *args, l2=0.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update."""
        if self.l2 and len(variable.shape) > 1:
            gradient = keras.ops.add(gradient, keras.ops.cast(self.l2 * variable, gradient.dtype))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        """With l2."""
        return {**super().get_config(), "l2": self.l2}


@keras.saving.register_keras_serializable(package="videorec")
class RMSprop(_Factors, keras.optimizers.RMSprop):
    """Keras's, with factors of each variable's learning rate."""


@keras.saving.register_keras_serializable(package="videorec")
class AdamW(_Factors, keras.optimizers.AdamW):
    """Keras's, with factors of each variable's learning rate, and so of what it decays by."""

    def _apply_weight_decay(self, variables):
        if not self.factors:  # with factors: in `update_step`, at the variable's own rate
            super()._apply_weight_decay(variables)

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update."""
        if self.factors and self.weight_decay and self._use_weight_decay(variable):
            rate = keras.ops.cast(self.rate_of(variable, learning_rate), variable.dtype)
            self.assign_sub(variable, variable * rate * self.weight_decay)
        super().update_step(gradient, variable, learning_rate)


def learning_rate(train: Fit, steps: int):
    """The schedule, for `steps` steps an epoch."""
    if train.schedule == "constant":
        return train.learning_rate
    if train.schedule == "step":
        return keras.optimizers.schedules.ExponentialDecay(train.learning_rate, train.step_every, 0.1, staircase=True)
    epochs = 1.0 if train.warmup_epochs is None else train.warmup_epochs
    whole = min(train.epochs * steps, train.steps or train.epochs * steps)
    warmup = min(round(epochs * steps), whole - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else train.learning_rate,
        decay_steps=whole - warmup,
        warmup_target=train.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def optimizer(train: Fit, steps: int, model: keras.Model) -> keras.optimizers.Optimizer:
    """As `train.optimizer` says, for what is trained of `model`; gradients clipped by their global norm.

    Raises:
        UserError: a learning rate for layers that the model lacks or does not train.
    """
    options = {"global_clipnorm": train.clipnorm, "factors": factors(train, model)}
    if train.ema is not None:
        options |= {"use_ema": True, "ema_momentum": train.ema}
    rate = learning_rate(train, steps)
    if train.optimizer == "sgd":
        return L2SGD(rate, momentum=train.momentum, l2=train.weight_decay, **options)
    if train.optimizer == "rmsprop":
        return RMSprop(rate, rho=0.9, **options)
    adamw = AdamW(rate, weight_decay=train.weight_decay, **options)
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw


def factors(train: Fit, model: keras.Model) -> list[float]:
    """The factor of each trainable variable's learning rate, in the model's order: that of backbones, that of the last layers
    before the logits, 1 for the others. Empty where all are 1.

    Raises:
        UserError: as `optimizer`.
    """
    if not isinstance(train, CachedFit) or train.backbone_rate == train.last_rate == 1:
        return []
    own = {id(variable): 1.0 for variable in model.trainable_variables}
    groups = {"backbone_rate": backbone_layers(model).values(), "last_rate": last_layers(model.output["steps"])}
    for setting, layers in groups.items():
        value, trained = getattr(train, setting), [id(x) for layer in layers for x in layer.trainable_variables]
        if value != 1 and not trained:
            layer = "backbone: --model.trainable-from" if setting == "backbone_rate" else "last layer"
            raise UserError(f"--train.{setting.replace('_', '-')} is for a trained {layer}. Received: {value:g}")
        own |= dict.fromkeys(trained, value)
    return list(own.values())
