"""The answers of a validation, kept while Keras validates."""

import keras
import numpy as np
import pytest

from videorec.training.callbacks import tidy
from videorec.training.curves import Curves
from videorec.training.metrics import Answers

N, C = 7, 3


def fitted(tmp_path, metric, validation=True, epochs=2, jit=False):
    """A small classifier, trained on other samples than it is validated on; what `write` saw after each epoch."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 4)).astype("float32"), np.eye(C, dtype="float32")[rng.integers(0, C, 10)]
    val_x, val_y = rng.normal(size=(N, 4)).astype("float32"), np.eye(C, dtype="float32")[rng.integers(0, C, N)]
    weight = np.array([1, 1, 0, 1, 1, 1, 0], "float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(C, activation="softmax")(inputs))
    model.compile("sgd", "categorical_crossentropy", weighted_metrics=[metric] if metric else [], jit_compile=jit)

    class Seen(Curves):
        def write(self, epoch):
            seen.append((self.answers, self.model.predict(val_x, verbose=0), val_y, weight))

    seen = []
    data = {"validation_data": (val_x, val_y, weight), "validation_batch_size": 3} if validation else {}
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0, callbacks=[Seen(tmp_path, 10)], **data)
    return seen, model


@pytest.mark.parametrize("jit", [False, True])
def test_answers_are_those_of_the_validation_in_its_order(tmp_path, jit):
    seen, _ = fitted(tmp_path, Answers(N, C), jit=jit)
    assert len(seen) == 2
    for answers, probabilities, truth, weight in seen:
        np.testing.assert_allclose(answers.probabilities, probabilities, atol=1e-6)
        np.testing.assert_array_equal(answers.truth, truth)
        np.testing.assert_array_equal(answers.weight, weight)
    assert (seen[0][0].probabilities != seen[1][0].probabilities).any()


def test_training_steps_alone_leave_none(tmp_path):
    seen, _ = fitted(tmp_path, Answers(N, C), validation=False)
    assert [answers for answers, *_ in seen] == [None, None]


@pytest.mark.parametrize("promised, kept", [(5, 5), (9, None)])
def test_another_number_of_samples_than_promised(tmp_path, promised, kept):
    """More are cut, of fewer there is nothing."""
    (answers, probabilities, *_), *_ = fitted(tmp_path, Answers(promised, C), epochs=1)[0]
    if kept is None:
        assert answers is None
    else:
        np.testing.assert_allclose(answers.probabilities, probabilities[:kept], atol=1e-6)


def test_it_changes_no_number_and_no_log(tmp_path):
    keras.utils.set_random_seed(1)
    _, plain = fitted(tmp_path / "a", None)
    keras.utils.set_random_seed(1)
    _, kept = fitted(tmp_path / "b", Answers(N, C))
    for a, b in zip(plain.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in plain.history.history:
        np.testing.assert_array_equal(plain.history.history[name], kept.history.history[name])
    assert tidy({"loss": 1, "probabilities_answers": 0, "val_probabilities_answers": 0, "val_answers": 0}) == {"loss": 1.0}


def test_huge_validation_sets_are_not_kept():
    assert Answers.fits(10_000, 400) and not Answers.fits(1_000_000, 400) and not Answers.fits(0, 400)
