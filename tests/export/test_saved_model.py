"""The SavedModel takes all frames of videos and says what an evaluation says of them; what it cannot take it refuses."""

import itertools

import cv2
import numpy as np
import pytest
import tensorflow as tf
from grey_videos import write_video
from moments import write_moments
from untrained_runs import frames_of, untrained_run

from export import saved_model
from videorec.config import Data, Evaluate, Experiment, Flow, UserError
from videorec.config.dense import DenseData, DenseEvaluate, DenseTrain
from videorec.data import flow, sources
from videorec.data.moments.tables import DenseVideo
from videorec.data.problems import Problems
from videorec.data.resize import scale_to_short_side
from videorec.inference.labeller import Labeller
from videorec.models.lrcn import LRCN
from videorec.models.seq2seq_attention import Seq2SeqAttention
from videorec.models.two_stream import TwoStream
from videorec.runs.run import Run
from videorec.tasks import of
from videorec.tasks.recognition import evaluation

CLASSES = tuple(f"class {k}" for k in range(8))
TINY = {"backbone": "tiny", "tap": "fc", "weights": None, "units": 6}
SHAPE = {"frames": 4, "resize": (24, 32), "crop": (20, 24), "workers": 1}
CASES = {
    "uniform": (Data(**SHAPE), Evaluate()),
    "clips": (Data(**SHAPE, fit="crop"), Evaluate(clips=3)),
    "crops": (Data(**SHAPE, sampling="dense", step=3), Evaluate(clips=2, crops=10)),
    "hop": (Data(**SHAPE, sampling="dense", step=2, hop=5), Evaluate(clips=0)),
}


def experiment(data, evaluate, model=None) -> Experiment:
    return Experiment("x", data, model or LRCN(**TINY), evaluate=evaluate)


def signature(run: Run, name: str = "serving_default"):
    return of(run.experiment).serving(run).signatures(run.load_model())[name]()


@pytest.fixture(scope="module")
def videos(synthetic):
    """Two videos of one number of frames, of another size each, and the frames of all."""
    videos = sources.load_for_evaluation(Data(path=str(synthetic)), "test", Experiment(data=Data(path=str(synthetic))))[:6]
    return videos, [frames_of(video.path) for video in videos]


@pytest.fixture(scope="module")
def serve(untrained):
    """Its signature of whole videos."""
    return signature(untrained)


@pytest.fixture(scope="module")
def serve_jpeg(untrained):
    """Its signature of encoded frames."""
    return signature(untrained, "serve_jpeg")


@pytest.mark.parametrize("case", CASES)
def test_whole_videos_get_the_probabilities_of_an_evaluation(case, videos, tmp_path):
    data, how = CASES[case]
    run = untrained_run(tmp_path / "x", experiment(data, how), CLASSES)
    expected = evaluation.predict(run.load_model(), videos[0], data, how, Problems(6, 0.0)).videos
    assert expected.std(axis=0).max() > 0.02  # they differ by far more than the tolerance
    serve = signature(run)
    got = [serve(frames=tf.constant(frames[None])) for frames in videos[1]]
    np.testing.assert_allclose([row["probabilities"][0] for row in got], expected, atol=1e-5)
    views = how.crops * (how.clips or -(-len(videos[1][0]) // data.hop))
    assert got[0]["steps"].shape == ((1, data.frames, 8) if views == 1 else (1, views, data.frames, 8))


def test_frames_that_evaluation_leaves_out_change_nothing(serve, videos):
    frames = videos[1][0]
    drawn = ((np.arange(4) + 0.5) * len(frames) / 4).astype(int)
    other = np.zeros_like(frames)
    other[drawn] = frames[drawn]
    rows = [serve(frames=tf.constant(x[None]))["probabilities"].numpy() for x in (frames, other, frames[:4])]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert np.abs(rows[0] - rows[2]).max() > 1e-3


def test_a_batch_gets_the_answers_of_its_videos_alone(untrained, serve, videos):
    batch = np.stack([np.roll(frames_of(videos[0][0].path), k, axis=2) for k in range(3)])
    together = serve(frames=tf.constant(batch))
    for k, frames in enumerate(batch):
        for name, values in serve(frames=tf.constant(frames[None])).items():
            if name == "classes":
                assert [c.decode() for c in together[name][k].numpy()] == list(untrained.classes)
            else:
                np.testing.assert_allclose(together[name][k], values[0], atol=1e-5)


# === Encoded frames ===


def test_encoded_frames_are_drawn_alike(serve, serve_jpeg, videos):
    frames = [videos[1][0][:9], videos[1][1][:9, :50]]  # each of its own size
    encoded = [[cv2.imencode(".png", frame[..., ::-1])[1].tobytes() for frame in clip] for clip in frames]
    got = serve_jpeg(images=tf.constant(encoded))["probabilities"]
    expected = [serve(frames=tf.constant(clip[None]))["probabilities"][0] for clip in frames]
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("broken", [b"", b"no picture", "cut"])
def test_a_broken_picture_is_refused_with_its_place(broken, serve_jpeg):
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    rows = [[whole] * 8 for _ in range(3)]
    rows[2][5] = whole[: len(whole) // 2] if broken == "cut" else broken  # frames 1, 3, 5 and 7 are drawn
    rows[1][4] = b"not drawn"
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"cannot be decoded, video and frame from 0:\W+2\W+5\W"):
        serve_jpeg(images=tf.constant(rows))
    rows[2][5] = whole
    assert serve_jpeg(images=tf.constant(rows))["probabilities"].shape == (3, 8)


# === What is refused ===


@pytest.mark.parametrize("shape", [(2, 0, 24, 32, 3), (1, 4, 0, 32, 3), (1, 4, 24, 0, 3)])
def test_videos_without_frames(shape, serve):
    with pytest.raises(tf.errors.InvalidArgumentError, match="frames must hold at least one frame of each video"):
        serve(frames=tf.zeros(shape, tf.uint8))


def test_float_frames(serve):
    """Tensors are refused; NumPy arrays are cast by TensorFlow, as the export's text says."""
    with pytest.raises((TypeError, tf.errors.InvalidArgumentError), match="float"):
        serve(frames=tf.zeros((1, 4, 24, 32, 3)))
    assert "casts NumPy arrays of floats to uint8" in " ".join(saved_model.__doc__.split())


def test_one_video_without_its_batch(serve):
    with pytest.raises((TypeError, ValueError, tf.errors.InvalidArgumentError), match="shape"):
        serve(frames=tf.zeros((4, 24, 32, 3), tf.uint8))


# === Two streams, labels of moments, labels to come ===


def test_two_streams_lie_side_by_side(videos, tmp_path):
    part = LRCN(**TINY)
    data = Data(**SHAPE, stream="both", flow=Flow(short_side=32))
    run = untrained_run(tmp_path / "x", experiment(data, Evaluate(), TwoStream(rgb=part, flow=part)), CLASSES)
    expected = evaluation.predict(run.load_model(), videos[0][:2], data, Evaluate(), Problems(2, 0.0))
    serve = signature(run)
    for row, frames in enumerate(videos[1][:2]):
        small = [scale_to_short_side(frame, 32) for frame in frames]
        pictures = [flow.encode(flow.estimate(a, b, "dis"), "lrcn") for a, b in itertools.pairwise(small)]
        got = serve(rgb=tf.constant(frames[None]), flow=tf.constant(np.stack(pictures)[None]))
        np.testing.assert_allclose(got["probabilities"][0], expected.videos[row], atol=1e-5)
        np.testing.assert_allclose(got["flow_probabilities"][0], expected.streams["flow"][row], atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one picture fewer"):
        serve(rgb=tf.constant(frames[None]), flow=tf.constant(np.stack(pictures)[None, :-1]))


def test_moments_get_a_row_a_frame(tmp_path):
    video = write_moments(tmp_path / "a.avi", [("red", 0.5, 2)], 30)
    data = DenseData(fps=10.0, frames=8, resize=(24, 24), crop=(20, 20))
    how = Experiment("x", data, LRCN(**TINY, target="dense"), DenseTrain(), DenseEvaluate())
    run = untrained_run(tmp_path / "x", how, ("red", "green"))
    expected = Labeller(run.load_model(), data, 8).probabilities(DenseVideo(str(video), ()), Problems(1, 0.0))
    got = signature(run)(frames=tf.constant(frames_of(video)[None]))
    assert got["probabilities"].shape == (1, 30, 2) and expected.std(axis=0).max() > 0.01
    np.testing.assert_allclose(got["probabilities"][0], expected, atol=1e-5)


def test_labels_to_come_are_those_after_the_last_frames(tmp_path):
    frames = frames_of(write_video(tmp_path / "a.avi", 20))
    data = DenseData(fps=10.0, frames=5, resize=(24, 24), crop=(24, 24), single=True)
    model = Seq2SeqAttention(3, target="labels", units=6, embedding=5, filters=(4, 3))
    run = untrained_run(tmp_path / "x", Experiment("x", data, model, DenseTrain(), DenseEvaluate()), ("a", "b"))
    serve, clips = signature(run), signature(run, "clips")
    whole = serve(frames=tf.constant(frames[None]))
    last = clips(frames=tf.constant(frames[None, 15:]))
    assert whole["steps"].shape == (1, 3, 2) and whole["attention"].shape == (1, 3, 5)
    np.testing.assert_array_equal(whole["steps"], last["steps"])
    assert np.abs(whole["steps"] - clips(frames=tf.constant(frames[None, :5]))["steps"]).max() > 1e-3
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least the 5 frames"):
        serve(frames=tf.constant(frames[None, :4]))


# === Versions for a server ===


def test_the_next_version_of_a_model(untrained, tmp_path):
    models = tmp_path / "models" / "x"
    (models / "7").mkdir(parents=True)
    assert saved_model.main([str(untrained.folder), "--serving", str(models), "--no-verify"]) == 0
    assert sorted(entry.name for entry in models.iterdir()) == ["7", "8"]
    assert (models / "8" / "saved_model.pb").exists() and (models / "8" / "assets" / "recipe.json").exists()
    with pytest.raises(UserError, match="--out or --serving, not both"):
        saved_model.main([str(untrained.folder), "--serving", str(models), "--out", str(tmp_path / "a")])


def test_a_folder_of_other_files_is_not_replaced(quick_runs, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    with pytest.raises(UserError, match=r"--out must be a new folder, or a SavedModel.*thesis, which holds other files"):
        saved_model.main([str(quick_runs / "a"), "--out", str(tmp_path / "thesis")])
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]
