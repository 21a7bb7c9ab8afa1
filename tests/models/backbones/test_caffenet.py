import keras
import numpy as np
import pytest
from variants import weightless

from videorec.models import backbones
from videorec.models.backbones.caffenet import caffenet, caffenet_hybrid


def test_hybrid_counts_and_shapes():
    with weightless():
        model = caffenet_hybrid((227, 227, 3), include_top=True)
    assert model.count_params() == 60_937_856  # Donahue et al. 2015, from the prototxt
    sizes = [model.get_layer(name).output.shape[1] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")]
    assert sizes == [111, 55, 26, 13, 13, 6]
    expected = {
        "conv1": 14_208,
        "conv2": 461_184,
        "conv3": 1_769_984,
        "conv4": 1_180_160,
        "conv5": 885_120,
        "fc6": 56_627_200,
    }
    assert {name: model.get_layer(name).count_params() for name in expected} == expected


def test_caffenet_counts():
    with weightless():
        model = caffenet((227, 227, 3), include_top=True)
    assert model.count_params() == 40_086_912
    assert model.count_params() + (4096 + 1) * 4096 + (4096 + 1) * 1000 == 60_965_224  # with fc7 and fc8, as released
    sizes = [model.get_layer(name).output.shape[1] for name in ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")]
    assert sizes == [55, 27, 27, 13, 13, 6]


def test_googlenet_counts():
    with weightless():
        model = backbones.build("googlenet", (224, 224, 3))
    assert model.count_params() + (1024 + 1) * 1000 == 6_998_552  # with the classifier, as released
    names = ("conv1_7x7_s2", "conv2_norm2", "inception_3b_output", "inception_4e_output", "inception_5b_output")
    shapes = [model.get_layer(name).output.shape[1:] for name in names]
    # Szegedy et al. 2015, table 1
    assert shapes == [(112, 112, 64), (56, 56, 192), (28, 28, 480), (14, 14, 832), (7, 7, 1024)]


def test_pooling_rounds_up_as_caffe_does():
    with weightless():
        model = caffenet_hybrid((104, 135, 3), include_top=False)
    # Caffe: conv (n - 7) // 2 + 1, pool ceil((n - 3) / 2) + 1
    assert model.get_layer("conv1").output.shape[1:3] == (49, 65)
    assert model.get_layer("pool1").output.shape[1:3] == (24, 32)
    assert model.get_layer("conv2").output.shape[1:3] == (10, 14)
    assert model.get_layer("pool2").output.shape[1:3] == (5, 7)


@pytest.mark.parametrize("name, channels", [("caffenet", 256), ("caffenet_hybrid", 384)])
def test_map_of_a_small_frame(name, channels):
    model = backbones.build(name, (72, 96, 3), tap="map")
    y = keras.ops.convert_to_numpy(model(np.zeros((1, 72, 96, 3), "uint8")))
    assert y.shape[0] == 1 and y.shape[-1] == channels and np.all(np.isfinite(y))


def test_fc_tap_resizes_in_the_graph():
    with weightless():
        model = backbones.build("caffenet", (60, 80, 3), tap="fc")
    assert model.output_shape == (None, 4096)
    assert model.get_layer("resize").output.shape[1:3] == (227, 227)
