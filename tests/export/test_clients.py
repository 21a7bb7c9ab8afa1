"""What the clients of TensorFlow Serving send, against the real signatures, in a process that has TensorFlow alone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from untrained_runs import frames_of

from videorec.data import sources
from videorec.data.problems import Problems
from videorec.tasks.recognition import evaluation

CLIENTS = Path(__file__).resolve().parents[2] / "export" / "clients"

# As TensorFlow Serving: rows {"instances": [{input: value}]} to tensors, and outputs to rows, which they must share.
SERVER = """
import base64, json, runpy, sys
for name in ("keras", "videorec"):
    sys.modules[name] = None  # importing it fails
import numpy as np, tensorflow as tf

def value(given):
    if isinstance(given, list):
        return [value(x) for x in given]
    return base64.b64decode(given["b64"]) if isinstance(given, dict) else given

clients, folder, *videos = sys.argv[1:]
loaded = tf.saved_model.load(folder)

def rest(body):
    body = json.loads(json.dumps(body))
    signature, rows = loaded.signatures[body.get("signature_name", "serving_default")], body["instances"]
    (_, specs) = signature.structured_input_signature
    given = {name: tf.constant([value(row[name]) for row in rows], specs[name].dtype) for name in rows[0]}
    outputs = {name: x.numpy() for name, x in signature(**given).items()}
    assert {len(x) for x in outputs.values()} == {len(rows)}, {name: x.shape for name, x in outputs.items()}
    return [{name: x[k].astype(str).tolist() if x.dtype == object else x[k].tolist() for name, x in outputs.items()}
            for k in range(len(rows))]

body_of = runpy.run_path(clients + "/rest_client.py")["body_of"]
answers = {"rest": [rest(body_of(video))[0] for video in videos]}
grpc = runpy.run_path(clients + "/grpc_client.py")["inputs_of"]
answers["grpc"] = []
for video in videos:
    given = {key: tf.constant(tf.make_ndarray(proto)) for key, proto in grpc(video).items()}
    outputs = loaded.signatures["serving_default"](**given)
    answers["grpc"].append(outputs["probabilities"][0].numpy().tolist())
    if video == videos[0]:
        frames = given["frames"].numpy()[0].tolist()
        answers["raw"] = rest({"instances": [{"frames": frames}, {"frames": frames}]})
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def served(untrained):
    """What the server says of two videos, and what an evaluation does."""
    run, data = untrained, untrained.experiment.data
    videos = sources.load_for_evaluation(data, "test", run.experiment)[:2]
    line = [sys.executable, "-P", "-c", SERVER, str(CLIENTS), str(run.folder / "saved_model"), *(v.path for v in videos)]
    done = subprocess.run(line, cwd=run.folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    scores = evaluation.predict(run.load_model(), videos, data, run.experiment.evaluate, Problems(2, 0.0)).videos
    assert np.abs(scores[0] - scores[1]).max() > 0.02
    assert len(frames_of(videos[0].path)) > 4  # of which four are drawn
    return json.loads(done.stdout.splitlines()[-1]), scores, list(run.classes)


def test_rest_of_encoded_frames(served):
    """The names of the classes come with each row; JPEG loses a little."""
    answers, scores, classes = served
    for row, expected in zip(answers["rest"], scores, strict=True):
        assert row["classes"] == classes
        np.testing.assert_allclose(row["probabilities"], expected, atol=0.02)


def test_rest_of_raw_frames_in_rows(served):
    answers, scores, _ = served
    for row in answers["raw"]:
        np.testing.assert_allclose(row["probabilities"], scores[0], atol=1e-5)


def test_grpc(served):
    answers, scores, _ = served
    np.testing.assert_allclose(answers["grpc"], scores, atol=1e-5)
