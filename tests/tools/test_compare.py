"""`videorec.tools.compare`: counts against hand-computed and published ones, grouping, and the table of trained runs."""

import dataclasses
import io
import json
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from rich.console import Console

from videorec.config import Experiment, Train, UserError
from videorec.config.forecasting import ForecastEvaluate, ForecastTrain, Sequences
from videorec.layers import ConvGRU2D, DotProductAttention, PeepholeLSTM, TimeDistributed
from videorec.models import LRCN, ConvLSTMForecaster
from videorec.tools import compare
from videorec.tools.compare import COLUMNS, Results, Row

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="runs are trained, and their graphs counted, with TensorFlow"
)

# === Arithmetic ===

T, H, W = 3, 8, 10


def frames_model(*parts) -> keras.Model:
    """Layers one after the other on clips `(B, None, 8, 10, 3)`."""
    x = clip = keras.Input((None, H, W, 3), name="rgb", dtype="uint8")
    x = layers.Rescaling(1 / 255)(x)
    for part in parts:
        x = part(x)
    return keras.Model({"rgb": clip}, x)


def vectors() -> list:
    """The frame as a vector of 8 * 10 * 3 = 240."""
    return [TimeDistributed(layers.Flatten())]


def each(layer) -> list:
    return [TimeDistributed(layer)]


def attend(x):
    return DotProductAttention()(x, x)[0]


# Layers, and the multiplications of a frame.
CASES = {
    "conv": (each(layers.Conv2D(5, 3, padding="same")), 8 * 10 * 5 * 3 * 3 * 3),
    "valid conv of stride 2": (each(layers.Conv2D(5, (3, 4), 2)), 3 * 4 * 5 * 3 * 4 * 3),
    "grouped conv": (each(layers.Conv2D(6, 3, padding="same", groups=3)), 8 * 10 * 6 * 3 * 3 * 1),
    "depthwise conv": (each(layers.DepthwiseConv2D(3, depth_multiplier=2)), 6 * 8 * (3 * 2) * 3 * 3),
    "separable conv": (each(layers.SeparableConv2D(7, 3, padding="same")), 8 * 10 * (3 * 3 * 3 + 3 * 7)),
    "conv over time": ([layers.Conv3D(4, (2, 3, 3), padding="same")], 8 * 10 * 4 * 2 * 3 * 3 * 3),
    "dense": ([*vectors(), layers.Dense(11)], 240 * 11),
    "conv and dense": (
        [*each(layers.Conv2D(5, 3)), *vectors(), layers.Dense(11)],
        6 * 8 * 5 * 27 + 6 * 8 * 5 * 11,
    ),
    "lstm": ([*vectors(), layers.LSTM(6)], 4 * 6 * (240 + 6)),
    "gru": ([*vectors(), layers.GRU(6, return_sequences=True)], 3 * 6 * (240 + 6)),
    "two directions": ([*vectors(), layers.Bidirectional(layers.LSTM(6))], 2 * 4 * 6 * (240 + 6)),
    "two layers": ([*vectors(), layers.LSTM(6, return_sequences=True), layers.LSTM(5)], 24 * 246 + 4 * 5 * (6 + 5)),
    "full peepholes": ([*vectors(), PeepholeLSTM(6, peephole="full")], 4 * 6 * (240 + 6) + 3 * 6 * 6),
    "conv gru": ([ConvGRU2D(4, 3)], 8 * 10 * 9 * 3 * 4 * (3 + 4)),
    "conv lstm": ([layers.ConvLSTM2D(4, 3, padding="same")], 8 * 10 * 9 * 4 * 4 * (3 + 4)),
    "attention": ([*vectors(), attend], 2 * T * 240),  # T queries meet T keys, and weigh T values
    "once a clip": ([*vectors(), layers.GlobalAveragePooling1D(), layers.Dense(9)], 240 * 9 / T),
    "nothing": ([*each(layers.MaxPooling2D()), *vectors()], 0),
}


@pytest.mark.parametrize("name", CASES)
def test_flops_against_hand_counts(name):
    parts, multiplications = CASES[name]
    assert compare.flops_a_frame(frames_model(*parts), {"rgb": (T, H, W, 3)}) == pytest.approx(2 * multiplications, rel=1e-12)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_loop_counts_once_a_frame(frames):
    model = frames_model(*vectors(), layers.LSTM(6, return_sequences=True), layers.GRU(5))
    wanted = 2 * (4 * 6 * (240 + 6) + 3 * 5 * (6 + 5))
    assert compare.flops_a_frame(model, {"rgb": (frames, H, W, 3)}) == wanted


@pytest.mark.parametrize(
    "name, published",
    [
        ("MobileNet", 569e6),  # Howard et al. 2017, table 4
        ("MobileNetV2", 300e6),  # Sandler et al. 2018, table 4
    ],
)
def test_flops_against_published_multiply_adds(name, published):
    network = getattr(keras.applications, name)(weights=None)
    clip = keras.Input((None, 224, 224, 3), name="rgb", dtype="uint8")
    model = keras.Model({"rgb": clip}, TimeDistributed(network)(layers.Rescaling(1 / 255)(clip)))
    assert compare.flops_a_frame(model, {"rgb": (2, 224, 224, 3)}) == pytest.approx(2 * published, rel=0.005)


def test_counting_leaves_the_model_as_it_was():
    unrolled = layers.GRU(5, unroll=False, return_sequences=True)
    model = frames_model(*vectors(), unrolled, layers.Bidirectional(layers.LSTM(6)))
    clip = {"rgb": np.random.default_rng(0).integers(0, 256, (2, T, H, W, 3), np.uint8)}
    before = model.predict_on_batch(clip)
    compare.flops_a_frame(model, {"rgb": (T, H, W, 3)})
    assert not any(layer.unroll for layer in model._flatten_layers() if hasattr(layer, "unroll"))
    np.testing.assert_array_equal(model.predict_on_batch(clip), before)


def test_an_operation_that_hides_others_is_not_passed_over():
    class Loop(layers.Layer):
        def call(self, x):
            return keras.ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, 2 * y), (0, x))[1]

    with pytest.raises(RuntimeError, match="While.* hides a graph"):
        compare.flops_a_frame(frames_model(Loop()), {"rgb": (T, H, W, 3)})


# === Grouping and table, on hand-made rows ===

ROW = Row("a", Results(0.5, 0.25, "16 test, 1 x 1"), 1234567, 890, 1234.56, 99.6, 12.34)


def row(name="a", accuracy=0.5, protocol="16 test, 1 x 1", **changes) -> Row:
    return dataclasses.replace(ROW, name=name, results=Results(accuracy, accuracy / 2, protocol), **changes)


def experiment(name="a", units=8, **train) -> Experiment:
    return Experiment(name=name, model=LRCN(units=units), train=Train(**train))


def names_of(groups) -> list[list[str]]:
    return [[row.name for row in rows] for rows in groups]


def test_runs_that_differ_in_name_and_seed_are_one_row():
    experiments = [
        experiment("a"),
        experiment("wide", units=9),
        experiment("b", seed=1),
        experiment("long", epochs=31),
        experiment("c", seed=2),
        experiment("wide2", units=9, seed=7),
    ]
    groups = compare.group([row(x.name) for x in experiments], experiments)
    assert names_of(groups) == [["a", "b", "c"], ["wide", "wide2"], ["long"]]


def test_figures_of_different_protocols_are_not_averaged():
    rows = [row("a"), row("b", protocol="16 test, 5 x 10")]
    assert names_of(compare.group(rows, [experiment("a"), experiment("b", seed=1)])) == [["a"], ["b"]]


def test_cells_of_one_run_and_of_several():
    assert compare.cells([ROW]) == (
        *("a", "1", "0.500", "0.250", "16 test, 1 x 1", "1,234,567", "890", "1,234.6", "100", "12.3"),
    )
    rows = [row(accuracy=0.5), row("b", 0.9, seconds=0.4, milliseconds=0.0), row("c", 0.4, seconds=50, milliseconds=0.0)]
    texts = dict(zip(COLUMNS, compare.cells(rows), strict=True))
    assert texts["run"] == "a" and texts["seeds"] == "3"
    assert texts["accuracy"] == "0.600 (0.400 to 0.900)"
    assert texts["mean class accuracy"] == "0.300 (0.200 to 0.450)"
    assert texts["train s"] == "50" and texts["ms a clip"] == "4.1"


def test_unknown_time_is_a_dash():
    assert compare.cells([row(), row("b", seconds=math.nan)])[COLUMNS.index("train s")] == "-"


def printed(lines, markdown, width=80) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    compare.show(lines, console, markdown)
    return console.export_text()


def test_markdown():
    lines = [compare.cells([row("a[b]")]), compare.cells([row("c"), row("d", 0.75)])]
    assert printed(lines, markdown=True).splitlines() == [
        "| run | seeds | accuracy | mean class accuracy | measured on | parameters | trained | MFLOPs a frame | train s "
        "| ms a clip |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| a[b] | 1 | 0.500 | 0.250 | 16 test, 1 x 1 | 1,234,567 | 890 | 1,234.6 | 100 | 12.3 |",
        "| c | 2 | 0.625 (0.500 to 0.750) | 0.312 (0.250 to 0.375) | 16 test, 1 x 1 | 1,234,567 | 890 | 1,234.6 | 100 | 12.3 |",
    ]


def table_cells(text) -> list[list[str]]:
    """The cells of a drawn table; where words of one went to the next line, they are put together again."""
    header, *body = ([part.strip() for part in line.split(line[0])[1:-1]] for line in text.splitlines() if line[0] in "┃│")
    found = [header]
    for line in body:
        if all(line) and all(found[-1]):
            found.append(line)
        else:
            found[-1] = [f"{old} {new}".strip() for old, new in zip(found[-1], line, strict=True)]
    return found


@pytest.mark.parametrize("width, turned", [(200, False), (150, False), (149, True), (80, True)])
def test_every_cell_is_whole_on_any_terminal(width, turned):
    rows = [row("attention[1]"), row("d", 0.75)], [row("lrcn_differences", megaflops=30692.7, parameters=65421285)]
    lines = [compare.cells(group) for group in rows]
    wanted = [list(line) for line in (COLUMNS, *lines)]
    text = printed(lines, markdown=False, width=width)
    assert table_cells(text) == ([list(line) for line in zip(*wanted, strict=True)] if turned else wanted)
    assert max(map(len, text.splitlines())) <= width


# === Trained runs ===

SMALL = (
    "--data.frames 4 --data.resize 20 20 --data.crop 16 16 --data.workers 2 --model.units 8 --train.batch 8 --train.epochs 1"
)
# The quick start's network on 16 x 16: three convolutions of stride 2 and one of stride 1, `squeeze`, `fc`, LSTM, `steps`.
HEAD_PARAMETERS = 4 * 8 * (64 + 8 + 1) + 9 * 8
PARAMETERS = 28 * 16 + 145 * 32 + 289 * 64 + 577 * 64 + 65 * 16 + (2 * 2 * 16 + 1) * 64 + HEAD_PARAMETERS
CNN = 64 * 27 * 16 + 16 * 144 * 32 + 4 * 288 * 64 + 4 * 576 * 64 + 4 * 64 * 16 + 64 * 64
MULTIPLICATIONS = CNN + 4 * 8 * (64 + 8) + 8 * 8


@pytest.fixture(scope="module")
def runs(tmp_path_factory, synthetic):
    """A folder with the runs a and b (two seeds) and frozen (its head alone is trained), each evaluated."""
    import evaluate
    import train

    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        frozen = "--model.trainable-from none --train.cache-dir cache"
        for name, extra in (("a", ""), ("b", "--train.seed 1"), ("frozen", frozen)):
            assert train.main(f"quickstart --name {name} --data.path {synthetic} {SMALL} {extra}".split()) == 0
            assert evaluate.main([f"runs/{name}"]) == 0
    return folder


@pytest.fixture
def here(runs, monkeypatch):
    monkeypatch.chdir(runs)


@pytest.fixture
def copy(here, tmp_path):
    """A copy of the run a, to be damaged."""
    return shutil.copytree("runs/a", tmp_path / "a")


def test_the_table_of_trained_runs(here, capfd):
    capfd.readouterr()
    assert compare.main(["runs/a", "runs/frozen", "runs/b", "runs/a", "--markdown", "--repeats", "2"]) == 0
    lines = capfd.readouterr().out.splitlines()  # nothing but the table, from TensorFlow neither
    assert len(lines) == 4 and all(line.startswith("| ") for line in lines)
    first, second = (dict(zip(COLUMNS, line.strip("| ").split(" | "), strict=True)) for line in lines[2:])
    assert (first["run"], first["seeds"], second["run"], second["seeds"]) == ("a", "2", "frozen", "1")
    a, b, frozen = (json.loads(Path(f"runs/{name}/results.json").read_text()) for name in ("a", "b", "frozen"))
    low, high = sorted([a["accuracy"], b["accuracy"]])
    assert first["accuracy"] == f"{(low + high) / 2:.3f} ({low:.3f} to {high:.3f})"
    assert second["mean class accuracy"] == f"{frozen['mean_class_accuracy']:.3f}"
    assert first["measured on"] == second["measured on"] == "16 test, 1 x 1"
    assert first["parameters"] == first["trained"] == second["parameters"] == f"{PARAMETERS:,}"
    assert second["trained"] == f"{HEAD_PARAMETERS:,}"
    assert first["MFLOPs a frame"] == second["MFLOPs a frame"] == f"{2 * MULTIPLICATIONS / 1e6:.1f}"
    assert float(first["ms a clip"]) > 0


def test_one_run_measured(here):
    from videorec.runs.run import Run

    run = Run("runs/a")
    found = compare.measure(run, compare.read_results(run), 1)
    assert found.megaflops == 2 * MULTIPLICATIONS / 1e6
    state = run.last_state()
    assert found.seconds == state["counters"]["seconds"] > 0


def test_another_protocol_shows(copy):
    import evaluate
    from videorec.runs.run import Run

    evaluate.main(f"{copy} --evaluate.split val --evaluate.clips 2 --evaluate.crops 3 --fuse runs/b".split())
    assert compare.read_results(Run(copy)).protocol == "16 val, 2 x 3, 2 runs fused"
    path = Run("runs/a").experiment.data.path
    folder = path.removesuffix("/manifest.csv")
    evaluate.main(f"{copy} --data.path {folder}".split())
    assert compare.read_results(Run(copy)).protocol == f"64 test, 1 x 1 of {folder}"


def test_a_run_from_before_its_seconds_were_counted(copy):
    from videorec.runs.run import Run

    file = copy / "state" / "state.json"
    states = json.loads(file.read_text())
    for state in states:
        del state["counters"]["seconds"]
    file.write_text(json.dumps(states))
    assert math.isnan(compare.measure(Run(copy), ROW.results, 1).seconds)
    shutil.rmtree(copy / "state")
    assert math.isnan(compare.measure(Run(copy), ROW.results, 1).seconds)


def test_a_run_without_results(copy):
    (copy / "results.json").unlink()
    with pytest.raises(UserError, match=f"{copy} has no results yet: python evaluate.py {copy}"):
        compare.main(["runs/b", str(copy)])


@pytest.mark.parametrize("content", ["{", "[]", '{"accuracy": 1.0}', "\udcff"])
def test_damaged_results(copy, content):
    (copy / "results.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=f"{copy}/results.json is damaged .* python evaluate.py {copy}"):
        compare.main([str(copy)])


def test_a_run_that_forecasts_frames(tmp_path):
    from videorec.runs.run import Run

    run = Run.create(
        tmp_path / "x", Experiment("x", Sequences(), ConvLSTMForecaster(), ForecastTrain(), ForecastEvaluate()), ()
    )
    with pytest.raises(UserError, match="Recognisers of one class a clip are compared here; .*x learns something else"):
        compare.read_results(run)


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_model_that_cannot_be_read(copy, damage):
    model = copy / "model.keras"
    content = model.read_bytes()
    model.unlink()
    if damage == "cut":
        model.write_bytes(content[:1000])
    with pytest.raises(UserError, match=f"{model} .* python train.py PRESET --name a --train.no-resume"):
        compare.main([str(copy)])


@pytest.mark.parametrize(
    "args, message",
    [
        ("runs/c", "runs/c is no run folder: .*Runs in runs: a, b, frozen"),
        ("runs/a --repeats 0", "--repeats must be 1 or more. Received: 0"),
        ("", "at least one run folder"),
    ],
)
def test_wrong_arguments(here, args, message):
    with pytest.raises(UserError, match=message):
        compare.main(args.split())
