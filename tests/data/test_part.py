"""The rows of each batch that one of several processes computes."""

import numpy as np
import pytest
import tensorflow as tf

from videorec.data.part import WHOLE, Part


def batches_of(part: Part, values: np.ndarray, count: int, batch: int) -> list[np.ndarray]:
    """What a process reads, batch by batch."""
    rows = tf.data.Dataset.from_tensor_slices(values).batch(part.batch(batch))
    return list(rows.as_numpy_iterator())


@pytest.mark.parametrize(
    "count, batch, processes, devices", [(23, 10, 2, 4), (7, 4, 1, 3), (24, 8, 4, 8), (5, 16, 2, 2), (3, 2, 3, 6)]
)
def test_all_parts_together_are_every_batch_once(count, batch, processes, devices):
    """Laid side by side, and what counts taken: each row of each batch once, in order; every device has as many rows."""
    parts = [Part(index, processes, devices) for index in range(processes)]
    read = [part.rows(count, batch) for part in parts]
    positions = [batches_of(part, rows[0], count, batch) for part, rows in zip(parts, read, strict=True)]
    counts = [batches_of(part, rows[1], count, batch) for part, rows in zip(parts, read, strict=True)]
    gains = [batches_of(part, rows[2], count, batch) for part, rows in zip(parts, read, strict=True)]
    starts = range(0, count, batch)
    assert {len(x) for x in positions} == {len(starts)}
    for number, start in enumerate(starts):
        whole, counted, gain = (np.concatenate([x[number] for x in each]) for each in (positions, counts, gains))
        true = np.arange(start, min(start + batch, count))
        assert len(whole) % devices == 0 and len(whole) - len(true) < devices
        np.testing.assert_array_equal(whole[counted == 1], true)
        losses = np.random.default_rng(number).random(count)
        np.testing.assert_allclose(np.mean(gain * losses[whole]), losses[true].mean(), rtol=1e-6)  # as a loss of Keras


@pytest.mark.parametrize("count, batch, devices", [(23, 10, 4), (64, 16, 3)])
def test_evenly_the_mean_over_batches_is_that_over_all_rows(count, batch, devices):
    """Keras weights the loss of each batch by its rows, those that fill it up among them."""
    part = Part(0, 1, devices)
    positions, _, gains = part.rows(count, batch, evenly=True)
    losses = np.random.default_rng(0).random(count)
    means = [(x.mean(), len(x)) for x in batches_of(part, gains * losses[positions], count, batch)]
    assert sum(mean * rows for mean, rows in means) / sum(rows for _, rows in means) == pytest.approx(losses.mean(), rel=1e-6)


def test_one_process_of_one_device_reads_all_as_it_is():
    positions, counts, gains = WHOLE.rows(23, 10)
    np.testing.assert_array_equal(positions, np.arange(23))
    assert (counts == 1).all() and (gains == 1).all() and WHOLE.batch(10) == 10
    assert [len(x) for x in WHOLE.rows(0, 4)] == [0, 0, 0]


@pytest.mark.parametrize("weighted", [False, True])
def test_of_batches_that_were_read_whole(weighted):
    """Two processes of two devices each; frames of the targets have weights of their own."""
    x, y = np.arange(7, dtype=np.float32)[:, None], np.arange(21, dtype=np.float32).reshape(7, 3)
    w = np.arange(1, 22, dtype=np.float32).reshape(7, 3)
    example = ({"rgb": x}, {"frames": y}, {"frames": w}) if weighted else ({"rgb": x}, {"frames": y})
    batches = tf.data.Dataset.from_tensor_slices(example).batch(5)
    parts = [list(Part(index, 2, 4).of_batches(batches, {"frames"}).as_numpy_iterator()) for index in range(2)]
    for number, (start, size, filled) in enumerate([(0, 5, 8), (5, 2, 4)]):
        inputs, targets, weights = (
            np.concatenate([part[number][k][name] for part in parts]) for k, name in ((0, "rgb"), (1, "frames"), (2, "frames"))
        )
        rows = [*range(start, start + size), *[start + size - 1] * (filled - size)]
        np.testing.assert_array_equal(inputs, x[rows])
        np.testing.assert_array_equal(targets, y[rows])
        factors = np.array([filled / size] * size + [0] * (filled - size), np.float32)
        np.testing.assert_allclose(weights, w[rows] * factors[:, None] if weighted else factors)
