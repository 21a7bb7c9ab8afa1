import re

import h5py
import keras
import numpy as np
import pytest
from variants import weightless

from videorec.config import UserError
from videorec.layers import TimeDistributed
from videorec.models import backbones

FRAME = np.random.default_rng(0).integers(0, 256, (2, 96, 128, 3)).astype("uint8")


def shared_mobilenet(shared_data):
    return str(shared_data / "weights/mobilenet_0.25_128_notop.weights.h5")


def features(model, x=FRAME):
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.mark.parametrize(
    "name, shape",
    [
        ("mobilenet", (None, 3, 4, 1024)),
        ("mobilenet_025", (None, 3, 4, 256)),
        ("mobilenet_v2", (None, 3, 4, 1280)),
        ("mobilenet_v2_035", (None, 3, 4, 1280)),
        ("efficientnet_b0", (None, 3, 4, 1280)),
        ("resnet50", (None, 3, 4, 2048)),
        ("vgg16", (None, 3, 4, 512)),
        ("inception_v3", (None, 1, 2, 2048)),
        ("tiny", (None, 12, 16, 64)),
    ],
)
def test_map_and_frozen(name, shape):
    with weightless():
        model = backbones.build(name, (96, 128, 3), tap="map")
    assert model.output_shape == shape
    assert model.input.dtype == "uint8"
    assert not model.trainable_weights


def test_pooled_is_the_mean_of_the_map(shared_data):
    weights = shared_mobilenet(shared_data)
    pooled = features(backbones.build("mobilenet_025", (96, 128, 3), "pooled", weights))
    whole = features(backbones.build("mobilenet_025", (96, 128, 3), "map", weights))
    np.testing.assert_allclose(pooled, whole.mean(axis=(1, 2)), atol=1e-5)


@pytest.mark.parametrize(
    "name, file, network",
    [
        ("mobilenet_025", "mobilenet_0.25_128_notop", lambda **k: keras.applications.MobileNet(alpha=0.25, **k)),
        ("mobilenet_v2", "mobilenet_v2_1.0_224_notop", keras.applications.MobileNetV2),
    ],
)
def test_weights_file_and_scaling_equal_keras_applications(shared_data, name, file, network):
    path = str(shared_data / f"weights/{file}.weights.h5")
    theirs = network(input_shape=(96, 128, 3), include_top=False, weights=path)
    ours = backbones.build(name, (96, 128, 3), tap="map", weights=path)
    np.testing.assert_allclose(features(ours), features(theirs, FRAME / 127.5 - 1), atol=1e-3)


def test_efficientnet_scaling():
    model = backbones.build("efficientnet_b0", (96, 128, 3), outputs=["stem_conv_pad"])
    y = features(model)[:, :96, :128]
    expected = (FRAME / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(y, expected, atol=1e-4)


def test_caffe_mean_of_flow():
    with weightless():
        model = backbones.build("caffenet", (96, 128, 3), stream="flow")
    assert model.get_layer("scale").mean == (128.0, 128.0, 128.0)


def test_several_outputs():
    with weightless():
        model = backbones.build("vgg16", (64, 64, 3), outputs=["block2_pool", "block3_pool"])
    assert [tuple(x.shape) for x in model.outputs] == [(None, 16, 16, 128), (None, 8, 8, 256)]


def test_levels_ahead_of_the_tap():
    # VGG-16 as in GRU-RCN: pool2, pool3, pool4, pool5 and fc7 of a 224 x 224 frame.
    with weightless():
        model = backbones.build("vgg16", (224, 224, 3), tap="fc", outputs=backbones.levels("vgg16"))
    expected = [(56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512), (4096,)]
    assert [tuple(x.shape)[1:] for x in model.outputs] == expected


@pytest.mark.parametrize("name", backbones.names())
def test_levels_shrink(name):
    with weightless():
        model = backbones.build(name, (96, 128, 3), tap="pooled", outputs=backbones.levels(name))
    *maps, pooled = [tuple(x.shape)[1:] for x in model.outputs]
    heights = [shape[0] for shape in maps]
    assert len(maps) >= 3 and heights == sorted(set(heights), reverse=True)
    assert pooled == maps[-1][2:]


def test_tiny_is_small_and_keeps_places():
    model = backbones.build("tiny", (64, 64, 3), tap="fc")
    assert model.output_shape == (None, 64)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    work = sum(np.prod(layer.output.shape[1:3]) * np.prod(layer.kernel.shape) for layer in convolutions)
    assert work <= 6e6
    left, right = np.zeros((2, 1, 64, 64, 3), "uint8")
    left[:, 28:36, 8:16], right[:, 28:36, 48:56] = 255, 255
    assert np.abs(features(model, left) - features(model, right)).max() > 1e-2


# === Trainable layers ===


def test_trainable_all_without_pretrained_weights_trains_batch_norm():
    model = backbones.build("mobilenet_025", (32, 32, 3), trainable_from="all")
    assert model.get_layer("conv1_bn").trainable
    assert len(model.trainable_weights) == 27 + 2 * 27  # 27 convolutions without bias, scale and shift of 27 BatchNorms


def test_trainable_all_with_pretrained_weights_freezes_batch_norm(shared_data):
    model = backbones.build("mobilenet_025", (32, 32, 3), "map", shared_mobilenet(shared_data), "all")
    assert len(model.trainable_weights) == 27
    assert not model.get_layer("conv1_bn").trainable


def test_trainable_from_a_layer():
    model = backbones.build("mobilenet_025", (32, 32, 3), trainable_from="conv_dw_13")
    names = [weight.path.split("/")[-2] for weight in model.trainable_weights]
    assert names == ["conv_dw_13", "conv_pw_13"]


@pytest.mark.parametrize("trainable_from", ["none", "all", "conv_dw_13"])
def test_what_is_trainable_survives_a_file(tmp_path, trainable_from):
    frames = keras.Input((None, 32, 32, 3), dtype="uint8")
    backbone = backbones.build("mobilenet_025", (32, 32, 3), trainable_from=trainable_from)
    model = keras.Model(frames, TimeDistributed(backbone)(frames))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    shapes, expected = ([w.shape for w in m.trainable_weights] for m in (loaded, model))
    assert shapes == expected


def test_frozen_batch_norm_ignores_training_mode():
    model = backbones.build("mobilenet_025", (32, 32, 3))
    before = model.get_weights()
    x = FRAME[:, :32, :32]
    np.testing.assert_array_equal(model(x, training=True), model(x, training=False))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


# === Weights files ===


@pytest.mark.parametrize("ending", [".weights.h5", ".h5", ".keras"])
def test_file_formats(tmp_path, ending):
    x = FRAME[:, :32, :32]
    source = backbones.build("mobilenet_025", (32, 32, 3), trainable_from="all")
    path = tmp_path / f"weights{ending}"
    source.save_weights(path) if ending == ".weights.h5" else source.save(path)
    copy = backbones.build("mobilenet_025", (32, 32, 3), weights=str(path))
    np.testing.assert_allclose(features(copy, x), features(source, x), atol=1e-5)


def test_legacy_file_of_a_network_with_automatic_names(tmp_path):
    convolutions = [keras.layers.Conv2D(filters, 3) for filters in (16, 32, 64, 64)]  # as `tiny`, named conv2d_7, ...
    source = keras.Sequential([keras.Input((32, 32, 3)), *convolutions])
    source.save(tmp_path / "network.h5")
    copy = backbones.build("tiny", (32, 32, 3), weights=str(tmp_path / "network.h5"))
    for a, b in zip(copy.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_another_network_name_the_layers(shared_data):
    with pytest.raises(UserError) as error:
        backbones.build("mobilenet", (96, 96, 3), weights=shared_mobilenet(shared_data))
    text = str(error.value)
    assert "54 of 54 layers differ" in text and "and 46 more" in text
    assert "conv1: expected (3, 3, 3, 32), the file has (3, 3, 3, 8)" in text


def test_file_of_a_model_with_two_streams_gives_the_stream_s_own_backbone(tmp_path):
    inputs, outputs, sources = {}, [], {}
    for stream in ("flow", "rgb"):
        inputs[stream] = keras.Input((None, 32, 32, 3), dtype="uint8", name=stream)
        sources[stream] = backbones.build("tiny", (32, 32, 3))
        outputs.append(TimeDistributed(sources[stream], name=f"{stream}_backbone")(inputs[stream]))
    keras.Model(inputs, outputs).save(tmp_path / "model.keras")
    for stream, source in sources.items():
        copy = backbones.build("tiny", (32, 32, 3), weights=str(tmp_path / "model.keras"), stream=stream)
        np.testing.assert_array_equal(copy.get_weights()[0], source.get_weights()[0])


def test_missing_layers_are_named(tmp_path):
    path = tmp_path / "part.weights.h5"
    backbones.build("tiny", (32, 32, 3)).save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/conv2d_2"]
    with pytest.raises(UserError, match=r"1 of 4 layers differ.*\n  conv3: expected .* the file has nothing"):
        backbones.build("tiny", (32, 32, 3), weights=str(path))


def test_unreadable_files(tmp_path):
    for name in ("garbage.weights.h5", "garbage.h5", "garbage.keras", "garbage.pth"):
        (tmp_path / name).write_text("not weights")
        with pytest.raises(UserError, match=re.escape(name)):
            backbones.build("tiny", (32, 32, 3), weights=str(tmp_path / name))
    with pytest.raises(UserError, match="Not found"):
        backbones.build("tiny", (32, 32, 3), weights=str(tmp_path / "absent.weights.h5"))


# === Entries and errors ===


def test_exports_of_networks_of_many_wide_layers_may_differ_more():
    large = {name for name in backbones.names() if backbones.find(name).export_tolerance > 1e-5}
    assert large == {"caffenet", "caffenet_hybrid", "efficientnet_b0", "googlenet", "inception_v3", "resnet50", "vgg16"}


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"name": "mobilenet_v3"}, "Did you mean mobilenet_v2"),
        ({"name": "resnet50", "tap": "fc"}, "caffenet, caffenet_hybrid, tiny, vgg16"),
        ({"name": "tiny", "tap": "last"}, "map, pooled or fc"),
        (
            {"name": "tiny", "trainable_from": "conv_3"},
            "Did you mean conv3.*begin at conv1, conv2, conv3, conv4. Received: conv_3",
        ),
        (
            {"name": "mobilenet_v2_035", "trainable_from": "out_relu"},  # nothing to train in it or after it
            "(?<!project), block_15_expand, block_16_expand, block_16_depthwise, block_16_project, Conv_1. Received: out_relu",
        ),
        ({"name": "tiny", "outputs": ["conv9"]}, "no layer 'conv9'"),
        ({"name": "tiny", "weights": "imagenet"}, "no ImageNet weights"),
        ({"name": "inception_v3", "input_shape": (64, 96, 3)}, "at least 75 x 75"),
        ({"name": "tiny", "input_shape": (32, 32, 1)}, r"\(height, width, 3\)"),
    ],
)
def test_errors(settings, message):
    with pytest.raises(UserError, match=message):
        backbones.build(**{"input_shape": (32, 32, 3)} | settings)


def test_failed_download_says_what_would_do(monkeypatch):
    def fail(**kwargs):
        raise OSError("URL fetch failure")

    monkeypatch.setitem(backbones.BACKBONES, "mobilenet", backbones.Backbone(fail, "unit"))
    with pytest.raises(UserError, match=r"URL fetch failure.*weights file"):
        backbones.build("mobilenet", (32, 32, 3), weights="imagenet")
