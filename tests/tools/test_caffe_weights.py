"""`videorec.tools.caffe_weights` against OpenCV's own reader of Caffe's networks, which computes with them."""

import cv2
import keras
import numpy as np
import pytest
from caffe_files import write
from keras import layers

from videorec.config import UserError
from videorec.layers import LocalResponseNormalization
from videorec.models import backbones
from videorec.models.backbones.caffenet import pool
from videorec.tools import caffe_weights, caffe_weights_file

needs_reader = pytest.mark.skipif(not hasattr(cv2.dnn, "readNetFromCaffe"), reason="OpenCV 5 does not read Caffe's networks")
RNG = np.random.default_rng(0)


def weights(*shape) -> list[np.ndarray]:
    """Kernel and bias, such that activations neither vanish nor explode."""
    kernel = RNG.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
    return [kernel, RNG.normal(0, 0.1, shape[0]).astype(np.float32)]


SMALL = [
    ("conv1", "Convolution", "data", weights(6, 3, 5, 5)),
    ("pool1", "Pooling", "conv1", []),
    ("norm1", "LRN", "pool1", []),
    ("conv2", "Convolution", "norm1", weights(8, 3, 3, 3)),
    ("fc6", "InnerProduct", "conv2", weights(5, 8 * 5 * 6)),
    ("fc7", "InnerProduct", "fc6", weights(4, 5)),
]
SMALL_TEXT = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 23 input_dim: 30
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 6 kernel_size: 5 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "conv2" type: "Convolution" bottom: "norm1" top: "conv2"
        convolution_param { num_output: 8 kernel_size: 3 pad: 1 group: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "fc6" type: "InnerProduct" bottom: "conv2" top: "fc6" inner_product_param { num_output: 5 } }
"""


def small() -> keras.Model:
    frame = keras.Input((23, 30, 3))
    x = layers.Conv2D(6, 5, 2, activation="relu", name="conv1")(frame)
    x = LocalResponseNormalization(name="norm1")(pool(x, "pool1"))
    x = layers.Conv2D(8, 3, groups=2, activation="relu", padding="same", name="conv2")(x)
    return keras.Model(frame, layers.Dense(5, name="fc6")(layers.Flatten()(x)), name="small")


def opencv(text: str, file, bgr: np.ndarray) -> np.ndarray:
    """What OpenCV computes, places ahead of channels."""
    net = cv2.dnn.readNetFromCaffe(text.encode(), file.read_bytes())
    net.setInput(bgr.transpose(0, 3, 1, 2))
    y = net.forward()
    return y.transpose(0, 2, 3, 1) if y.ndim == 4 else y


@needs_reader
@pytest.mark.parametrize("old", [False, True])
def test_groups_normalisation_and_a_layer_on_a_flattened_map(tmp_path, old):
    file = write(tmp_path / "small.caffemodel", SMALL, old)
    network, x = small(), RNG.normal(0, 50, (2, 23, 30, 3)).astype(np.float32)
    caffe_weights.fill(network, caffe_weights_file.read(file), file)
    expected = opencv(SMALL_TEXT.replace("input_dim: 1 ", "input_dim: 2 "), file, x)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(keras.ops.convert_to_numpy(network(x)), expected, rtol=1e-4, atol=1e-3)


# === GoogLeNet, whole ===

GOOGLENET = """3a 64 96 128 16 32 32; 3b 128 128 192 32 96 64; 4a 192 96 208 16 48 64; 4b 160 112 224 24 64 64;
4c 128 128 256 24 64 64; 4d 112 144 288 32 64 64; 4e 256 160 320 32 128 128; 5a 256 160 320 32 128 128;
5b 384 192 384 48 128 128"""


def googlenet(height: int, width: int) -> tuple[str, list]:
    """Caffe's text and the layers of its release up to the last map (Szegedy et al. 2015, table 1)."""
    text, listed = f'input: "data" input_dim: 1 input_dim: 3 input_dim: {height} input_dim: {width}\n', []

    def add(name, kind, bottoms, setting, arrays=()):
        nonlocal text
        bottoms = bottoms if isinstance(bottoms, list) else [bottoms]
        read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        text += f'layer {{ name: "{name}" type: "{kind}" {read} top: "{name}" {setting} }}\n'
        if kind != "Concat":
            listed.append((name, kind, bottoms[0], list(arrays)))
        return name

    def conv(name, bottom, inputs, outputs, size, pad=0, stride=1):
        nonlocal text
        setting = f"num_output: {outputs} kernel_size: {size} pad: {pad} stride: {stride}"
        add(name, "Convolution", bottom, f"convolution_param {{ {setting} }}", weights(outputs, inputs, size, size))
        text += f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'
        return name

    def pooled(name, bottom, setting="stride: 2"):
        return add(name, "Pooling", bottom, f"pooling_param {{ pool: MAX kernel_size: 3 {setting} }}")

    def norm(name, bottom):
        return add(name, "LRN", bottom, "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    x = norm("pool1/norm1", pooled("pool1/3x3_s2", conv("conv1/7x7_s2", "data", 3, 64, 7, 3, 2)))
    x = conv("conv2/3x3", conv("conv2/3x3_reduce", x, 64, 64, 1), 64, 192, 3, 1)
    x, inputs = pooled("pool2/3x3_s2", norm("conv2/norm2", x)), 192
    for row in GOOGLENET.split(";"):
        name, (one, three_in, three, five_in, five, proj) = row.split()[0], map(int, row.split()[1:])
        at = f"inception_{name}/"
        ways = [
            conv(f"{at}1x1", x, inputs, one, 1),
            conv(f"{at}3x3", conv(f"{at}3x3_reduce", x, inputs, three_in, 1), three_in, three, 3, 1),
            conv(f"{at}5x5", conv(f"{at}5x5_reduce", x, inputs, five_in, 1), five_in, five, 5, 2),
            conv(f"{at}pool_proj", pooled(f"{at}pool", x, "pad: 1 stride: 1"), inputs, proj, 1),
        ]
        x, inputs = add(f"{at}output", "Concat", ways, ""), one + three + five + proj
        if name in ("3b", "4e"):
            x = pooled(f"pool{name[0]}/3x3_s2", x)
    return text, listed


@needs_reader
def test_googlenet_from_rgb_frames_to_its_last_map(tmp_path):
    """Of even and odd maps on the way: 64 x 90 gives 32 x 45, 16 x 22, 8 x 11, 4 x 5, 2 x 2."""
    text, listed = googlenet(64, 90)
    assert sum(array.size for *_, arrays in listed for array in arrays) == 6_998_552 - 1_025_000  # less the classifier
    file, out = write(tmp_path / "g.caffemodel", listed, old=True), tmp_path / "g.weights.h5"
    assert caffe_weights.main(["googlenet", str(file), str(out)]) == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["g.caffemodel", "g.weights.h5"]
    model = backbones.build("googlenet", (64, 90, 3), tap="map", weights=str(out))
    assert model.get_layer("scale").mean == (104.0, 117.0, 123.0)
    rgb = RNG.integers(0, 256, (1, 64, 90, 3), np.uint8)
    expected = opencv(text, file, rgb[..., ::-1].astype(np.float32) - [104, 117, 123])
    assert expected.shape == (1, 2, 2, 1024) and expected.max() > 1
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(rgb)), expected, rtol=1e-3, atol=1e-3)


# === Means ===


def test_another_mean_goes_into_the_first_biases():
    network, theirs, ours = small(), np.array([100.0, 110.0, 120.0]), (103.939, 116.779, 123.68)
    x = RNG.uniform(0, 255, (1, 23, 30, 3))
    expected = network((x - theirs).astype(np.float32))
    caffe_weights.change_mean(network, tuple(theirs), ours)
    np.testing.assert_allclose(network((x - ours).astype(np.float32)), expected, rtol=1e-4, atol=1e-3)
    with pytest.raises(UserError, match=r"googlenet pads its frames: --mean must be 104 117 123\. Received: 1 2 3"):
        caffe_weights.change_mean(backbones.find("googlenet").network((32, 32, 3)), (1, 2, 3), (104, 117, 123))


# === What can be wrong ===


def test_another_network_is_refused_with_its_layers(tmp_path):
    other = [("conv1", "Convolution", "data", weights(6, 3, 7, 7)), ("\x1b[2J", "InnerProduct", "conv1", weights(5, 8))]
    file = write(tmp_path / "x.caffemodel", other)
    network = small()
    before = network.get_weights()
    with pytest.raises(UserError) as error:
        caffe_weights.fill(network, caffe_weights_file.read(file), file)
    for part in (
        f"{file} does not hold small: 3 of its layers differ",
        "conv1: expected (6, 3, 5, 5), (6,), the file has (6, 3, 7, 7), (6,)",
        "fc6: expected (5, 240), (5,), the file has nothing",
        r"conv1, \x1b[2J",
    ):
        assert part in str(error.value)
    np.testing.assert_equal(network.get_weights(), before)


def test_alexnet_is_no_caffenet(tmp_path):
    """Its arrays have the same shapes; it normalises first and pools then."""
    swapped = [("norm1", "LRN", "conv1", []), ("pool1", "Pooling", "norm1", [])]
    file = write(tmp_path / "alexnet.caffemodel", [SMALL[0], *swapped, *SMALL[3:]])
    with pytest.raises(UserError, match="norm1 reads pool1 here, and in the file conv1"):
        caffe_weights.fill(small(), caffe_weights_file.read(file), file)


def test_what_is_no_file_of_caffe_is_refused(tmp_path):
    for name, content in {"text": b"layer { }", "empty": b"", "cut": write(tmp_path / "c", SMALL).read_bytes()[:-7]}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name} .*Give a .caffemodel of Caffe"):
            caffe_weights_file.read(tmp_path / name)
    with pytest.raises(UserError, match="absent"):
        caffe_weights.main(["googlenet", str(tmp_path / "absent"), str(tmp_path / "out.weights.h5")])
    for out, message in (("out.h5", r"must be called NAME\.weights\.h5"), ("there.weights.h5", "exists already.*--overwrite")):
        (tmp_path / "there.weights.h5").touch()
        with pytest.raises(UserError, match=message):
            caffe_weights.main(["googlenet", str(tmp_path / "c"), str(tmp_path / out)])
