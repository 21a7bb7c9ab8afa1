"""`fit` on several devices of JAX, of one process or of several (`videorec.models.hosts`).

What is fitted then is a copy of the model, whose weights lie on all devices. The model itself stays as it is, on one device of
each process: callbacks look at it, save it and change it by themselves, between the steps, and know nothing of other devices.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import keras

from videorec.data.part import Part
from videorec.models import backend, hosts
from videorec.training.feed import Feed


def part() -> Part:
    """This process's part of each batch."""
    return Part(hosts.index(), hosts.count(), hosts.devices())


def fit(
    feed: Feed,
    compile_model: Callable[[keras.Model], None],
    callbacks: Sequence[keras.callbacks.Callback],
    initial_epoch: int,
    epochs: int,
    **options,
) -> None:
    """`feed.model.fit` with every step shared by all devices.

    Args:
        feed: the model and its batches.
        compile_model: compiles a copy of the model as the model is.
        callbacks: of Keras; they are given `feed.model`.
        initial_epoch, epochs, **options: of Keras's `fit`.
    """
    shared = hosts.distribution()
    with shared.scope():
        # clone_model would compile the copy by its configuration too, which not every metric has.
        copied = backend.without_cudnn(keras.Model.from_config(feed.model.get_config()))
        compile_model(copied)
        copied.optimizer.build(copied.trainable_variables)
    training, validation = feed.of_part(part(), range(initial_epoch, epochs), set(copied.loss))
    local = LocalCallbacks(feed.model, copied, callbacks)
    local.start_from_first()
    with shared.scope():
        options |= {"initial_epoch": initial_epoch, "epochs": epochs, "validation_data": validation, "callbacks": [local]}
        with hosts.leaving_at_once():
            copied.fit(feed.waiting.around(training), **options)


class LocalCallbacks(keras.callbacks.Callback):
    """Calls callbacks with the model of this process alone, which has the weights, and hands back what they made of it.

    Args:
        own: the model on one device of this process.
        fitted: its copy, on all devices.
        callbacks: of Keras.
    """

    def __init__(self, own: keras.Model, fitted: keras.Model, callbacks: Sequence[keras.callbacks.Callback]):
        super().__init__()
        self._own, self._fitted = own, fitted
        if not all(map(_of_one_layer, own.weights, fitted.weights)):
            raise RuntimeError(f"{own.name} and its copy have other weights, or in another order")
        own.stop_training = False
        self._callbacks = keras.callbacks.CallbackList(list(callbacks), model=own, add_history=False, add_progbar=False)
        self._steps = 0

    def set_params(self, params):
        """Hand on."""
        super().set_params(params)
        self._callbacks.set_params(params)

    def on_train_begin(self, logs=None):
        """Hand on."""
        with self._with_own_model():
            self._callbacks.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        """Hand on."""
        with self._with_own_model():
            self._callbacks.on_epoch_begin(epoch, logs)
            self._steps = int(self._counter().value)

    def on_train_batch_begin(self, batch, logs=None):
        """Hand on; between the steps of an epoch `own` has the weights of its beginning."""
        self._callbacks.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """Hand on, with the number of steps, which the learning rate hangs on."""
        with _by_itself():
            self._counter().assign(self._steps + batch + 1)
            self._callbacks.on_train_batch_end(batch, logs)
        self._fitted.stop_training |= self._own.stop_training

    def on_test_begin(self, logs=None):
        """Hand on."""
        with self._with_own_model():
            self._callbacks.on_test_begin(logs)

    def on_test_batch_end(self, batch, logs=None):
        """Hand on."""
        self._callbacks.on_test_batch_end(batch, logs)

    def on_test_end(self, logs=None):
        """Hand on."""
        with self._with_own_model():
            self._callbacks.on_test_end(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Hand on."""
        with self._with_own_model():
            self._callbacks.on_epoch_end(epoch, logs)
        self._fitted.stop_training |= self._own.stop_training

    def on_train_end(self, logs=None):
        """Hand on."""
        with _by_itself():
            self._callbacks.on_train_end(logs)

    def _counter(self) -> keras.Variable:
        """The steps that the learning rate hangs on (under mixed_float16 those of the optimizer within)."""
        optimizer = self._own.optimizer
        return getattr(optimizer, "inner_optimizer", optimizer).iterations

    @contextlib.contextmanager
    def _with_own_model(self) -> Iterator[None]:
        self._fitted.jax_state_sync()
        for own, fitted in self._pairs():
            own.assign(keras.ops.convert_to_numpy(fitted))
        with _by_itself():
            yield
        self.distribute()

    def start_from_first(self) -> None:
        """All start with the weights of the first process: those of another may differ in rounding, or by another file."""
        own = [own for own, _ in self._pairs()]
        for variable, values in zip(own, hosts.from_first([keras.ops.convert_to_numpy(x) for x in own]), strict=True):
            variable.assign(values)
        self.distribute()

    def distribute(self) -> None:
        """Bring the weights and the state of the optimizer to all devices."""
        for own, fitted in self._pairs():
            fitted.assign(hosts.on_all_devices(keras.ops.convert_to_numpy(own)))

    def _pairs(self):
        yield from zip(self._own.variables, self._fitted.variables, strict=True)
        yield from zip(self._own.optimizer.variables, self._fitted.optimizer.variables, strict=True)


def _of_one_layer(one: keras.Variable, other: keras.Variable) -> bool:
    """Whether two variables have one place in their models; the path of a copied layer may lack the outermost names."""
    return one.shape == other.shape and (one.path.endswith(other.path) or other.path.endswith(one.path))


@contextlib.contextmanager
def _by_itself() -> Iterator[None]:
    """For the block a process computes alone."""
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)
