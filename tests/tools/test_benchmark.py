"""`videorec.tools.benchmark`: the smallest setting of each part gives its rows. No test looks at a time."""

import contextlib
import importlib
import re
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from grey_videos import write_video
from rich.console import Console
from tiny_runs import QUICK

from videorec import cli
from videorec.config import Data, UserError
from videorec.data.manifest import Video
from videorec.tools.benchmark import __main__ as command
from videorec.tools.benchmark import (
    cache,
    figures,
    index,
    keras_io,
    layers,
    memory,
    pipeline,
    stages,
    start,
    summaries,
    time_distributed,
)


def shown(rows, capsys) -> str:
    """The printed table."""
    figures.show(rows, Console(width=200))
    return capsys.readouterr().out


def test_time_distributed(capsys, monkeypatch):
    monkeypatch.setattr(time_distributed, "network", lambda size: keras.layers.Conv2D(2, 3))
    rows = time_distributed.measure(rounds=1, size=8, short=2, long=4, batch=2)
    text = shown(rows, capsys)
    assert [row.target for row in rows] == ["<= 0.2", "<= 1.5", "", "<= 0.8"]
    assert "ours / Keras's" in text and "B=1 / B=2" in text
    assert "Keras 3" in text and "cores" in text


def test_pipeline(tmp_path, capsys, monkeypatch):
    for number in range(2):
        write_video(tmp_path / "below" / f"{number}.avi", 20)
    monkeypatch.setattr(stages, "TAKEN", 10**9)  # frames a second: the test does not sleep
    rows = pipeline.measure(tmp_path, rounds=1, batches=1, seconds=0.2)
    sources = [name for name in ("videos:", "prepared", "stored") for _ in range(3)]
    assert [row.name.split()[0] for row in rows] == ["uniform"] * 2 + ["dense"] * 2 + sources
    assert "clips/s" in shown(rows, capsys)
    speeds = rows[4::3]
    named = [re.findall(r"(\w+) (\d+)%", row.detail) for row in speeds]
    assert [[stage for stage, _ in parts] for parts in named] == [
        ["resize", "decode", "augment", "copy"],
        ["read", "decode", "resize", "augment", "copy"],
        ["read", "copy"],
    ]
    for parts, row in zip(named, speeds, strict=True):
        assert 97 <= sum(int(share) for _, share in parts) <= 103
        assert "frames/s, limited by" in row.detail and row.target == f"16 cores: >= {10**9}"
    for row in rows[5::3]:
        frames, took = re.match(r"(\d+) in ([\d.]+) s", row.detail).groups()
        assert int(frames) % (16 * 16) == 0 and float(row.value) == pytest.approx(int(frames) / float(took), rel=0.5)
    assert all(row.value.endswith("%") for row in rows[6::3])


@pytest.mark.parametrize(("seconds_a_clip", "waits"), [(0.0, False), (0.05, True)])
def test_who_takes_faster_than_clips_come_waits(seconds_a_clip, waits):
    """A batch of 16 clips of 4 frames takes its taker 64 / 400 = 0.16 s, and the pipeline 0.8 s where a clip takes it 0.05."""

    def load(index, epoch):
        clip = tf.numpy_function(lambda: time.sleep(seconds_a_clip) or np.zeros((4, 2, 2, 3), np.uint8), [], tf.uint8)
        return {"rgb": clip}, 1.0

    frames, took, waited = stages._take(load, Data(frames=4, workers=1), 1.0, 400.0)
    assert frames >= 64 and (waited / took > 0.5) == waits and (waited / took < 0.3) != waits


def test_a_stage_within_another_is_counted_once(monkeypatch):
    ticks = iter([0.0, 1.0, 3.0, 10.0])
    monkeypatch.setattr(time, "process_time", lambda: next(ticks))
    clock = stages.Clock()
    with clock.of("decode"):
        clock.around("resize", lambda: None)()
    assert clock.seconds == {"decode": 8.0, "resize": 2.0}


def test_start(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HOME", str(tmp_path))  # comes back after the test
    monkeypatch.setattr(start, "CLASSES", 2)
    start.write(tmp_path / "8", 8)
    assert start.prepare(str(tmp_path / "8")) > 0
    with caplog.at_level("INFO", "videorec.features"):
        monkeypatch.setattr(start, "quiet", lambda *args: contextlib.nullcontext())
        cpu, clock, peak = start.begin(str(tmp_path / "8"), stored=True)
    assert cpu > 0 and clock > 0 and peak > 100
    assert "24 clips reused, 0 computed" in caplog.text and "0 computed" in caplog.text
    results = {start.prepare: 30.0, start.begin: (4.0, 9.0, 700.0)}
    monkeypatch.setattr(start, "in_a_process_of_its_own", lambda function, *args: results[function])
    rows = start.measure(videos=4, few=2)
    assert [(row.value, row.target, row.met) for row in rows] == 2 * [
        ("4.0 s", "< 5 s", True),
        ("+0 MB", "<= 500 MB more", True),
    ]


def test_pipeline_makes_its_videos(tmp_path):
    path = tmp_path / "1.mp4"
    assert pipeline.write(str(path), 5, seed=0)
    assert path.stat().st_size > 1000


def test_pipeline_without_videos(tmp_path):
    with pytest.raises(UserError, match="holds none"):
        pipeline.measure(tmp_path, rounds=1)


def test_cache(capsys):
    (row,) = cache.measure(epochs=2, clips=4, validation=2, backbone="tiny")
    assert row.target == "< 2 s"
    assert "an epoch of LRCN's head on 4 clips" in shown([row], capsys)


def test_summaries(capsys, synthetic):
    args = f"quickstart --data.path {synthetic} {QUICK}".split()
    (row,) = summaries.measure(epochs=2, experiment=cli.parse_experiment(args, ""))
    assert row.target == "< 3 %" and row.value.endswith(" %")
    assert "TensorBoard's share of training the quick start, 2 epochs" in shown([row], capsys)


def test_keras_io(tmp_path, capsys):
    for label in "ab":
        for number in range(3):
            write_video(tmp_path / label / f"{number}.avi", 2 + number + 4 * "ab".index(label))  # no two alike
    splits = ("train", "val", "test")
    rows = [f"{label}/{number}.avi,{label},{split}" for label in "ab" for number, split in enumerate(splits)]
    (tmp_path / "m.csv").write_text("path,label,split\n" + "\n".join(rows))
    speed, gain = keras_io.measure(tmp_path / "m.csv", None, epochs=1, backbone="tiny", size=(32, 48))
    assert (speed.target, gain.target) == (">= 5", "> theirs") and "4 clips to train on, 2 to test" in speed.name
    assert float(gain.value) in (0, 0.5, 1)
    with pytest.raises(UserError, match="needs --manifest"):
        keras_io.measure()


def test_keras_io_reads_no_more_than_the_first_frames_and_counts_by_class(tmp_path):
    write_video(tmp_path / "long.avi", 30)
    cnn = keras.Sequential([keras.Input((224, 224, 3)), keras.layers.GlobalAveragePooling2D()])
    videos = [Video(str(tmp_path / "long.avi"), ("a",)), Video("", ("a",)), Video("", ("a",)), Video("", ("b",))]
    features, mask = keras_io._features(cnn, videos[:1])
    assert features.shape == (1, 20, 3) and mask.all()
    assert keras_io.shares(videos, ["a", "a", "b", "a"]) == (0.5, pytest.approx((2 / 3 + 0) / 2))


def test_memory(capsys, monkeypatch):
    """Both ways of reading in this process, where TensorFlow is there already."""
    monkeypatch.setattr(memory, "in_a_process_of_its_own", lambda function, *args: function(*args))
    name = "clips of 16 frames, one every 8 frames"
    row, labelling = memory.measure((1, 2), {name: memory.READING[name]})
    assert row.target == "<= 300 MB more"
    assert "; 7 and 4 clips" in row.detail  # 50 and 25 frames, read to the end
    assert "; 20 and 10 labelled frames" in labelling.detail  # 10 a second
    peaks = [int(x) for x in re.search(r"peaks (\d+) and (\d+) MB", row.detail).groups()]
    assert min(peaks) > 100
    assert "a video of 2 s against one of 1 s" in shown([row], capsys)


def test_a_new_process_is_not_charged_for_what_its_parent_held():
    ballast = np.ones(400 * 2**20, np.uint8)
    own = memory.in_a_process_of_its_own(memory.peak)
    assert 20 < own < memory.peak() and memory.peak() > len(ballast) / 2**20


needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the train step is a tf.function")


@needs_tensorflow
def test_layers(capsys):
    rows = layers.measure(rounds=1, batch=1, steps=2, size=4, channels=2)
    assert [row.target for row in rows] == [">= 0.8"] * 4 + [""] + ["<= 1.11"] * 2 + ["<= 1.15", "<= 1"]
    for row in rows:
        numbers = [float(number) for number in re.findall(r"\b\d[\d.]*(?:e[+-]\d+)?", row.detail)]
        assert len(numbers) == (2 if row.target.startswith("<=") else 5) and min(numbers) > 0
    text = shown(rows, capsys)
    assert "StackedConvGRU2D" in text and "B=1, T=2, 4 x 4 maps" in text and "ms a step" in text


def test_a_train_steps_arithmetic():
    # By hand: 3 x 3 x 2 x 6 = 108 weights at 1 clip x 2 steps x 4 x 4 positions. Forward 2 * 108 * 32 = 6912, and twice
    # that again backward.
    assert layers.train_flops([(3, 3, 2, 6)], 32) == 20736
    assert layers.train_flops([(3, 3, 2, 6), (1, 1, 5, 1)], 32) == 20736 + 960


@needs_tensorflow
@pytest.mark.parametrize(
    ("gates", "name", "convolutions"),
    [
        (3, "ConvGRU2D", 3 + 3),  # of the input and of the state, each for z, r and the candidate
        (3, "StackedConvGRU2D (2 levels)", 2 * (3 + 3) + 2),  # and of the level below for z and r
        (4, "PeepholeConvLSTM2D (peephole='channel')", 4 + 4),
        (4, layers.SAME, 4 + 4),
        (4, layers.KERAS, 4 + 4),
    ],
)
def test_all_convolutions_of_a_layer_count(gates, name, convolutions):
    layer = layers.LAYERS[gates][name](2, 3, return_sequences=True)
    candidate = layers.layer_candidate(layer, keras.ops.ones((1, 2, 4, 4, 2)))
    assert candidate.flops == convolutions * 6912  # 3 passes x 2 x (3 x 3 x 2 x 2 weights) x (2 x 4 x 4 positions)
    assert candidate.turn() > 0 and len(candidate.cpu) == 1


@needs_tensorflow
def test_a_train_step_is_all_gradients():
    layer = keras.layers.Conv2D(1, 1, use_bias=False, kernel_initializer=keras.initializers.Constant(2))
    layer.build((1, 1, 1, 1))
    step = layers.train_step(layer, [layer.kernel.value])
    of_input, (of_kernel,) = step(keras.ops.full((1, 1, 1, 1), 3.0))
    # y = w x with w = 2, x = 3; of y^2 / 2: w y = 12 and x y = 18.
    assert (float(of_input[0, 0, 0, 0]), float(of_kernel[0, 0, 0, 0])) == (12, 18)


def test_a_missed_bound_is_marked(capsys):
    rows = [figures.ratio("part", "slow", [3.0, 1.0, 3.0], [1.0, 1.0, 1.0], "s", 0.8)]
    assert (rows[0].value, rows[0].met) == ("3.00", False)
    assert "missed" in shown(rows, capsys)


def test_candidates_take_turns():
    order = []
    jobs = {name: (lambda name=name: order.append(name) or 1.0) for name in "ab"}
    assert figures.in_turns(jobs, 2) == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    assert order == ["a", "b", "b", "a"]


def test_every_part_is_measured(tmp_path, monkeypatch, capsys):
    write_video(tmp_path / "1.avi", 2)
    calls = {}
    for part in command.PARTS:

        def measure(part=part, **options):
            calls[part] = options
            return []

        monkeypatch.setattr(importlib.import_module(f"videorec.tools.benchmark.{part}"), "measure", measure)
    assert command.main(["--rounds", "2", "--video-folder", str(tmp_path)]) == 0
    rounds = {"time_distributed": 2, "index": 4, "prepare": 4, "layers": 9, "forecast": 2}
    assert calls == {
        **{part: {"rounds": number} for part, number in rounds.items()},
        **{"pipeline": {"folder": tmp_path, "rounds": 4}, "cache": {"epochs": 9}, "summaries": {"rounds": 1}, "memory": {}},
        "stream": {"rounds": 21, "frames": 10_000},
        "start": {"videos": 10_000},
    }
    calls.clear()
    command.main(["forecast"])
    assert calls == {"forecast": {"rounds": 3}}


def test_what_is_refused_before_work(tmp_path):
    with pytest.raises(UserError, match="--rounds"):
        command.main(["cache", "--rounds", "0"])
    with pytest.raises(UserError, match="--frames must be 1 or more"):
        command.main(["stream", "--frames", "0"])
    with pytest.raises(UserError, match="--video-folder must hold videos"):
        command.main(["--video-folder", str(tmp_path)])


def test_index(capsys):
    rows = index.measure(rounds=1, videos=2, frames=20, files=20)
    assert [row.target for row in rows] == [">= 0.9", "< 1 s"]
    assert "frames/s" in shown(rows, capsys) and "20 files of 5 frames" in rows[1].detail
