"""Augmentation: the same for all frames, stateless, equal eagerly and inside tf.data."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from videorec.config import Data, Flow
from videorec.data import augment


@pytest.fixture
def clip():
    """Three equal frames of random pixels: any difference between frames afterwards is a mistake."""
    frame = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    return tf.constant(np.stack([frame] * 3))


ASPECT = (3 / 4, 4 / 3)
WIDE = Data(resize=(200, 200), crop=(40, 40), crop_scale=(0.36, 0.36), crop_aspect=(2.0, 2.0), color=0.0)
DATA = Data(frames=3, resize=(40, 60), crop=(32, 32))


def seeds(n: int):
    return [augment.clip_seed(0, epoch, index) for epoch in range(n) for index in range(n)]


def test_every_frame_alike_and_every_clip_another(clip):
    results = [augment.augment(clip, seed, DATA).numpy() for seed in seeds(3)]
    for result in results:
        assert result.shape == (3, 32, 32, 3) and result.dtype == np.uint8
        assert (result == result[:1]).all()
    assert len({result.tobytes() for result in results}) == 9


def test_eager_and_graph_agree(clip):
    keys = [(e, i) for e in range(2) for i in range(3)]
    dataset = tf.data.Dataset.from_tensor_slices(keys)
    dataset = dataset.map(lambda k: augment.augment(clip, augment.clip_seed(0, k[0], k[1]), DATA), num_parallel_calls=2)
    for (epoch, index), inside in zip(keys, dataset, strict=True):
        eager = augment.augment(clip, augment.clip_seed(0, epoch, index), DATA)
        # Fused kernels of the graph may round a value that lies at a half to the other side.
        assert np.abs(eager.numpy().astype(int) - inside.numpy().astype(int)).max() <= 1


def settings(**changes):
    return Data(resize=(40, 60), crop=(40, 60), crop_scale=(1.0, 1.0), color=0.0, **changes)


@pytest.mark.parametrize("turned, changes", [("mirrored", {}), ("upside down", {"flip": False, "flip_vertical": True})])
def test_flips_turn_about_half(clip, turned, changes):
    other = {"mirrored": clip[:, :, ::-1], "upside down": clip[:, ::-1]}[turned]
    results = [augment.augment(clip, seed, settings(**changes)) for seed in seeds(10)]
    flipped = [bool((result == other).numpy().all()) for result in results]
    same = [bool((result == clip).numpy().all()) for result in results]
    assert flipped == [not x for x in same]
    assert 32 < sum(flipped) < 68  # of 100: 0.5 +- 3.6 standard deviations


def test_both_flips_are_drawn_apart(clip):
    results = [augment.augment(clip, seed, settings(flip_vertical=True)) for seed in seeds(8)]
    forms = [clip, clip[:, :, ::-1], clip[:, ::-1], clip[:, ::-1, ::-1]]
    counts = [sum(bool((result == form).numpy().all()) for result in results) for form in forms]
    assert sum(counts) == 64 and min(counts) >= 5  # 16 +- 3.2 standard deviations


def test_crop_at_full_scale_is_a_part_of_the_frame(clip):
    frame, places = clip[0].numpy(), set()
    for seed in seeds(8):
        part = augment.random_crop(clip, seed, (38, 58), (1.0, 1.0), ASPECT).numpy()[0]
        matching = [(y, x) for y in range(3) for x in range(3) if (frame[y : y + 38, x : x + 58] == part).all()]
        assert len(matching) == 1
        places.update(matching)
    assert len(places) == 9  # every corner is reached


def test_crop_covers_its_share():
    """A horizontal ramp: the range of values in the crop is its width's share."""
    ramp = np.tile(np.linspace(0, 250, 200)[None, None, :, None], (1, 200, 1, 3)).astype(np.uint8)
    widths = []
    for seed in seeds(10):
        part = augment.random_crop(tf.constant(ramp), seed, (32, 32), (0.25, 0.25), ASPECT).numpy()
        widths.append((part.max() - part.min()) / 250)
    # Half the side, times the root of an aspect ratio in [3/4, 4/3].
    assert 0.5 * np.sqrt(3 / 4) - 0.03 < min(widths) and max(widths) < 0.5 * np.sqrt(4 / 3) + 0.03


def test_crop_keeps_the_shape():
    """Ramps along both axes, one a channel: the crop's height and width are the same share of the frame, half of it."""
    down, right = np.meshgrid(np.linspace(0, 250, 150), np.linspace(0, 250, 200), indexing="ij")
    ramp = np.stack([down, right, right], axis=-1)[None].astype(np.uint8)
    for seed in seeds(5):
        part = augment.random_crop(tf.constant(ramp), seed, (30, 40), (0.25, 0.25), (1.0, 1.0)).numpy()[0]
        height, width = (np.ptp(part[..., k]) / 250 for k in range(2))
        assert height == pytest.approx(0.5, abs=0.03) and width == pytest.approx(0.5, abs=0.03)


def test_crop_has_the_aspect_that_is_asked_for():
    """Crops of 0.36 of the area, twice as wide as the frame's shape: 0.6 / sqrt(2) of its height, 0.6 sqrt(2) of its width."""
    down, right = np.meshgrid(np.linspace(0, 250, 200), np.linspace(0, 250, 200), indexing="ij")
    ramp = np.stack([down, right, right], axis=-1)[None].astype(np.uint8)
    for seed in seeds(3):
        part = augment.augment(tf.constant(ramp), seed, WIDE).numpy()[0]
        height, width = (np.ptp(part[..., k].astype(int)) / 250 for k in range(2))
        assert height == pytest.approx(0.424, abs=0.03) and width == pytest.approx(0.849, abs=0.03)


def test_colour_jitter_stays_within_its_strength():
    grey = tf.fill((2, 4, 4, 3), tf.constant(100, tf.uint8))
    means = [augment.color_jitter(grey, seed, 0.2).numpy().mean() for seed in seeds(10)]
    assert 80 <= min(means) < 85 and 115 < max(means) <= 120  # only brightness changes a grey frame


def test_colour_jitter_against_steps_in_numpy(clip):
    """Brightness, then saturation about the pixel's grey, then contrast about the mean grey, one after the other."""
    for seed in seeds(2):
        brightness, contrast, saturation = tf.random.stateless_uniform([3], seed, 0.7, 1.3).numpy()
        x = clip.numpy().astype(np.float64) * brightness
        grey = (x @ [0.299, 0.587, 0.114])[..., None]
        x = grey + (x - grey) * saturation
        x = grey.mean() + (x - grey.mean()) * contrast
        expected = np.clip(np.round(x), 0, 255)
        changed = augment.to_uint8(augment.color_jitter(clip, seed, 0.3)).numpy()
        assert np.abs(changed - expected).max() <= 1


def test_what_the_model_sees_of_a_clip(clip):
    seed, centre = seeds(1)[0], augment.centre_crop(clip, DATA.crop).numpy()
    drawn = augment.augment(clip, seed, DATA).numpy()
    assert (drawn != centre).any()
    np.testing.assert_array_equal(augment.cropped(clip, DATA), centre)
    np.testing.assert_array_equal(augment.cropped(clip, DATA, seed), drawn)
    for plain, expected in ((True, centre), (False, drawn)):
        np.testing.assert_array_equal(augment.cropped(clip, DATA, seed, tf.constant(plain)), expected)
    batch = tf.stack([clip, clip[::-1]])
    np.testing.assert_array_equal(augment.cropped(batch, DATA), np.stack([centre, centre[::-1]]))


def test_crops_of_an_evaluation(clip):
    parts = augment.crops(clip, 10, DATA).numpy()
    frame = clip.numpy()
    assert parts.shape == (10, 3, 32, 32, 3)
    np.testing.assert_array_equal(parts[1], frame[:, :32, 28:])
    np.testing.assert_array_equal(parts[4], frame[:, 4:36, 14:46])
    np.testing.assert_array_equal(parts[6], parts[1][:, :, ::-1])
    np.testing.assert_array_equal(augment.crops(clip, 1, DATA)[0], augment.centre_crop(clip, (32, 32)))
    np.testing.assert_array_equal(augment.crops(clip, 3, DATA)[2], frame[:, 8:, 28:])
    np.testing.assert_array_equal(augment.crops(clip, 2, DATA), [frame[:, 4:36, 14:46], frame[:, 4:36, 14:46][:, :, ::-1]])


SHORT_SNIPPETS = Flow(encoding="short_snippets")


@pytest.mark.parametrize(("data", "zero"), [(Data(stream="flow"), 256), (Data(stream="flow", flow=SHORT_SNIPPETS), 255)])
def test_mirrored_flow_moves_the_other_way(data, zero):
    flow = np.zeros((1, 1, 2, 3), np.uint8)
    flow[0, 0] = [(200, 10, 128), (100, 20, 130)]
    mirrored = augment.mirror(tf.constant(flow), data).numpy()[0, 0].tolist()
    assert mirrored == [[zero - 100, 20, 130], [zero - 200, 10, 128]]
    assert augment.mirror(tf.constant(flow), Data()).numpy()[0, 0].tolist() == [[100, 20, 130], [200, 10, 128]]
    turned = augment.upside_down(tf.constant(flow[:, 0][:, :, None]), data).numpy()[0].tolist()
    assert turned == [[[100, zero - 20, 130]], [[200, zero - 10, 128]]]


def test_streams_of_a_clip_change_together(clip):
    """A flow clip whose picture is that of the frames gets the same crop and mirroring, and no change of colour."""
    data = Data(stream="both", frames=3, resize=clip.shape[1:3], crop=(20, 30), flip_vertical=True, color=0.5)
    x = tf.where(clip == 0, tf.constant(1, tf.uint8), clip)  # 256 - 0 would saturate
    for index in range(8):
        seed = augment.clip_seed(0, tf.constant(0), tf.constant(index))
        plain = augment.augment(x, seed, dataclasses.replace(data.of("rgb"), color=0.0)).numpy().astype(int)
        flow = augment.augment(x, seed, data.of("flow")).numpy().astype(int)
        np.testing.assert_array_equal(flow[..., 2], plain[..., 2])
        for channel in (0, 1):
            same = np.abs(flow[..., channel] - plain[..., channel]).max() <= 0
            assert same or np.abs(256 - flow[..., channel] - plain[..., channel]).max() <= 1
