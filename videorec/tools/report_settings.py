"""The settings of runs: which are not the defaults, which differ between runs, and the command that trains with them."""

import shlex
from collections.abc import Sequence

from videorec import configs, models
from videorec.config import file as config_file
from videorec.reports import html
from videorec.reports.html import Html
from videorec.runs.run import Run
from videorec.tools.report_runs import Shown

UNIMPORTANT = ("name", "runs")
NOTHING = "-"


def section(shown: Sequence[Shown]) -> Html:
    """Settings that are not the defaults, a column a run; those that differ between runs are marked."""
    trees = [flat(config_file.to_dict(one.run.experiment)) for one in shown]
    usual = [defaults(one.run) for one in shown]
    names = sorted({name for tree in trees for name in tree if name not in UNIMPORTANT})
    rows = []
    for name in names:
        values = [_shown(tree[name]) if name in tree else NOTHING for tree in trees]
        own = [_shown(tree[name]) if name in tree else NOTHING for tree in usual]
        differ = len(set(values)) > 1
        if differ or values != own:
            mark = html.tag("b", name, " ≠") if differ else name
            rows.append((mark, *values, *([own[0]] if len(shown) == 1 else [])))
    if not rows:
        return html.tag("p", "All settings are the defaults.")
    header = ("setting", *(one.name for one in shown), *(["usual"] if len(shown) == 1 else []))
    presets = sorted({preset_of(one.run) for one in shown})
    note = "; ≠ marks those that differ between the runs" if len(shown) > 1 else ""
    caption = f"Settings other than those of the presets {', '.join(presets)}{note}"
    return html.table(header, rows, caption.replace("presets", "presets" if len(presets) > 1 else "preset"), class_="words")


def preset_of(run: Run) -> str:
    """The preset that a run most likely began with: its own name where a preset is called so, else its model's."""
    names = configs.names()
    model = run.experiment.model.name
    return next((name for name in (run.experiment.name, model) if name in names), "quickstart")


def defaults(run: Run) -> dict:
    """The settings of that preset, of the run's target, by their dotted names."""
    target = getattr(run.experiment.model, "target", None)
    words = ["--model.target", target] if target in ("dense", "labels") else []
    preset = config_file.to_dict(configs.load(preset_of(run), words))
    return flat(config_file.to_dict(config_file.from_dict(preset, models.CLASSES)))


def flat(tree: dict, prefix: str = "") -> dict:
    """`{"data.frames": 16}` of a tree of settings; of lists of settings by number, `{"model.members.0.weight": 1.0}`."""
    parts = {}
    for name, value in tree.items():
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            value = {str(number): part for number, part in enumerate(value)}
        parts |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return parts


def _shown(value) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def training(run: Run) -> str:
    """The command that trains with these settings, or makes the run of others again."""
    model = run.experiment.model
    if not model.trained:
        members = [shlex.quote(member.run) for member in model.members]
        weights = [f"{member.weight:g}" for member in model.members]
        return f"python -m videorec.tools.fuse {' '.join(members)} --name NEW_NAME --weights {' '.join(weights)}"
    return f"python train.py --config {shlex.quote(f'{run.place}/config.json')} --name NEW_NAME"
