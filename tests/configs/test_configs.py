"""Every preset is sound: it validates, its model builds, and its docstring has its command."""

import dataclasses
import math
import re

import pytest
from variants import weightless

from videorec import cli, configs, models, tasks
from videorec.config.file import from_dict, to_dict
from videorec.config.forecasting import Sequences
from videorec.training.loop import last_epoch

PRESETS = {name: configs.load(name) for name in configs.names()}
PAPERS = "_ucf101|_hmdb51|_multithumos"
# The paper's own networks, and where their counts come from: head parameters for 101, 11 and 51 classes.
PAPER_HEADS = {
    "multi_lstm_multithumos": (65, 10_400_307),
    "lrcn_ucf101_rgb": (101, 4_457_472 + 25_957),
    "gru_rcn_ucf101": (101, 38_707_200 + 2 * 1216 * 101 + 5 * 101),
    "visual_attention_ucf11": (11, 6_040_588),
    "visual_attention_hmdb51": (51, 15_792_180),
    # InceptionV3 gives 2048 features where the paper's GoogLeNet gives 1024: 4 * 512 * 1024 more
    "short_snippets_lstm_ucf101": (101, 11_604_069 + 4 * 512 * 1024),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset(name):
    first_line, experiment = configs.summaries()[name], PRESETS[name]
    tasks.of(experiment).check(experiment)
    assert experiment.name == name
    assert from_dict(to_dict(experiment), models.CLASSES) == experiment
    assert len(first_line) < 125 and first_line.endswith(".")
    module = __import__(f"videorec.configs.{name}", fromlist=["x"])
    command = "python train.py" if name == cli.QUICKSTART else f"python train.py {name} "
    assert command in module.__doc__ and f"python evaluate.py runs/{name}" in module.__doc__


@pytest.mark.parametrize("name", PRESETS)
def test_models_build_with_the_papers_numbers_of_weights(name):
    experiment = PRESETS[name]
    plain = dataclasses.replace(experiment, model=models.untrained(experiment.model))
    classes, parameters = PAPER_HEADS.get(name, (5, None))
    with weightless():
        if isinstance(plain.data, Sequences):
            assert models.from_config(plain.model, plain.model.default_streams, classes).output["frames"].shape[0] is None
            return
        model = models.for_experiment(plain, classes)
    assert model.output["probabilities"].shape[-1] == classes
    if parameters:
        assert model.count_params() - model.get_layer("rgb_backbone").count_params() == parameters


def test_the_papers_numbers_of_weights_on_googlenet():
    """Its 1,024 features make Ng et al.'s stack with softmax over 101 classes what it was."""
    model = dataclasses.replace(PRESETS["short_snippets_lstm_ucf101"].model, backbone="googlenet", weights=None)
    with weightless():
        built = models.from_config(model, {"rgb": (30, 220, 220, 3)}, 101)
    assert built.count_params() == 6_998_552 - 1_025_000 + 11_604_069


@pytest.mark.parametrize("name", [name for name in PRESETS if re.search(PAPERS, name)])
def test_papers_train_on_the_whole_list(name):
    experiment = PRESETS[name]
    assert experiment.data.val == 0 and experiment.train.monitor == "last"


@pytest.mark.parametrize(("name", "steps"), [("lrcn_ucf101_rgb", 30_000), ("lrcn_ucf101_flow", 50_000)])
def test_steps_over_ucf101(name, steps):
    """In every split; 15 % less to train on would be 25,688 steps of 30,000 in the first."""
    train = PRESETS[name].train
    for videos in (9537, 9586, 9624):
        epoch = math.ceil(videos / 24)
        assert train.batch == 24 and min(epoch * train.epochs, train.steps) == steps
        assert epoch * last_epoch(train, epoch) - epoch < steps <= epoch * last_epoch(train, epoch)


@pytest.mark.parametrize("name", [name for name in PRESETS if re.search(f"{PAPERS}|_ucf11|_shi|_stack|^fclstm", name)])
def test_gradients_are_clipped_where_a_paper_says_so(name):
    """Donahue et al.: 5 for frames, 15 for flow; no other paper names any."""
    named = {"lrcn_ucf101_rgb": 5, "fc_lstm_ucf101": 5, "lrcn_ucf101_flow": 15}
    assert PRESETS[name].train.clipnorm == named.get(name)


@pytest.mark.parametrize("name", ["lrcn_ucf101_rgb", "lrcn_ucf101_flow"])
def test_the_classifier_of_lrcn_learns_at_ten_times_the_rate(name):
    assert (PRESETS[name].train.last_rate, PRESETS[name].train.backbone_rate) == (10, 1)


def test_every_model_has_a_preset():
    assert set(models.names()) - {"ensemble"} <= set(PRESETS)  # an ensemble is made of runs, not trained
