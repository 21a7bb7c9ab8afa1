import numpy as np

from videorec import models

TINY = {"backbone": "tiny", "tap": "fc", "weights": None}


def test_is_the_classifier_of_the_mean_feature_and_blind_to_order():
    model = models.build("frame_average", {"rgb": (None, 32, 32, 3)}, classes=4, hidden=6, **TINY)
    x = np.random.default_rng(0).integers(0, 256, (2, 5, 32, 32, 3)).astype("uint8")
    got = model.predict({"rgb": x}, verbose=0)
    cnn = model.get_layer("rgb_backbone").layer
    feature = np.mean([np.asarray(cnn(x[:, t])) for t in range(5)], axis=0)
    (a, b), (c, d) = (model.get_layer(name).get_weights() for name in ("hidden", "steps"))
    logits = np.maximum(feature @ a + b, 0) @ c + d
    np.testing.assert_allclose(got["steps"][:, 0], logits, atol=1e-5)
    softmax = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(got["probabilities"], softmax, atol=1e-5)
    backwards = model.predict({"rgb": x[:, ::-1]}, verbose=0)
    np.testing.assert_allclose(backwards["steps"], got["steps"], atol=1e-5)
