"""AdamW, SGD as in the papers, RMSprop; schedules of the learning rate."""

import keras

from videorec.config import Fit


@keras.saving.register_keras_serializable(package="videorec")
class L2SGD(keras.optimizers.SGD):
    """SGD whose weight decay is added to the gradient before momentum, as in Caffe; Keras's own is decoupled.

    Args:
        l2: weight decay of variables with two axes or more (kernels; not biases or normalisation weights).
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


def learning_rate(train: Fit, steps: int):
    """The schedule, for `steps` steps an epoch."""
    if train.schedule == "constant":
        return train.learning_rate
    if train.schedule == "step":
        return keras.optimizers.schedules.ExponentialDecay(train.learning_rate, train.step_every, 0.1, staircase=True)
    epochs = 1.0 if train.warmup_epochs is None else train.warmup_epochs
    warmup = min(round(epochs * steps), train.epochs * steps - 1)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else train.learning_rate,
        decay_steps=train.epochs * steps - warmup,
        warmup_target=train.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def optimizer(train: Fit, steps: int) -> keras.optimizers.Optimizer:
    """As `train.optimizer` says; gradients clipped by their global norm."""
    rate, clip = learning_rate(train, steps), train.clipnorm
    if train.optimizer == "sgd":
        return L2SGD(rate, momentum=train.momentum, global_clipnorm=clip, l2=train.weight_decay)
    if train.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, rho=0.9, global_clipnorm=clip)
    adamw = keras.optimizers.AdamW(rate, weight_decay=train.weight_decay, global_clipnorm=clip)
    adamw.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return adamw
