"""Several runs as one: what they must have in common, what is said of the new one, and its model."""

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videorec.config import Data, Experiment, Flow, UserError, rules
from videorec.data import clips, joined_records, selection, sources
from videorec.data.joined_records import Known
from videorec.data.record import Record
from videorec.models import STREAMS
from videorec.models.ensemble import Ensemble, Member, same_frozen
from videorec.runs import places, recipe
from videorec.runs.run import Run
from videorec.tasks import fusion

log = logging.getLogger("fuse")
OTHERWISE = "python evaluate.py RUN --fuse OTHERS measures them together, each fed in its own way"


@dataclass(frozen=True)
class Plan:
    """What is to be written."""

    runs: list[Run]
    experiment: Experiment
    """Of the new run; who shares frozen layers is not in it yet."""
    record: Record


def plan(members: Sequence[str], weights: Sequence[float], name: str, folder: str) -> Plan:
    """Check everything that can be checked before a model is loaded.

    Args:
        members: the runs.
        weights: of each; none: equal.
        name, folder: of the new run.

    Raises:
        UserError: one run only, one twice, runs that are no recognisers of clips, that learn something else or other classes,
            that are fed otherwise or of other videos; weights that are not theirs; something at the new run's place.
    """
    named = [place.rstrip("/") for place in members]
    if len(named) < 2:
        raise UserError(f"Give two runs or more. Received: {' '.join(members) or 'none'}")
    fusion.check_once(named)
    weights = fusion.check_weights(weights or (1.0,) * len(named), len(named), "one for each run")
    places.check_is_new(Path(folder).expanduser() / name)
    runs = [Run.open(place) for place in named]
    for run in runs:
        run.check_model()
        if run.experiment.task != "recognition":
            raise UserError(f"Recognisers of clips are fused. {run.place} is of the task {run.experiment.task}")
        fusion.check_alike(runs[0], run)
    experiment = _experiment(runs, weights, name, folder)
    rules.check_experiment(experiment)
    rules.check_recognition(experiment)
    _check_fed_alike(runs, experiment.data)
    return Plan(runs, experiment, _record(runs))


def _experiment(runs: list[Run], weights: Sequence[float], name: str, folder: str) -> Experiment:
    """The first run's, with the model of all members, and data that feed all of them."""
    first = runs[0].experiment
    members = tuple(
        Member(run.experiment.model, run.experiment.data.stream, weight, run=run.place)
        for run, weight in zip(runs, weights, strict=True)
    )
    others = {run.place: run.experiment.evaluate for run in runs if run.experiment.evaluate != first.evaluate}
    if others:
        log.info("how an evaluation is done (--evaluate) is as in %s; %s had it otherwise", runs[0].place, ", ".join(others))
    precision = next((r.experiment.train.precision for r in runs if r.experiment.train.precision != "float32"), "float32")
    return dataclasses.replace(
        first,
        name=name,
        runs=folder,
        data=joint_data([run.experiment.data for run in runs]),
        model=Ensemble(members, first.model.target),
        train=dataclasses.replace(first.train, precision=precision),
    )


# === What the members see ===


def joint_data(each: Sequence[Data]) -> Data:
    """Data of all streams that some settings read: those of the first that reads both, or of the first of each stream."""
    first = {stream: next((data for data in each if stream in data.streams), None) for stream in STREAMS}
    both = next((data for data in each if data.stream == "both"), None)
    if both or not all(first.values()):
        return both or each[0]
    flow = first["flow"].of("flow")
    own = {name: getattr(flow.flow, name) for name in ("method", "encoding", "short_side")}
    given = Flow(frames=flow.frames, fps=flow.fps, step=flow.step, paired=False, **own)
    source = {name: getattr(each[0], name) for name in Data.without_pixels}  # where the videos are, as in the first run
    return dataclasses.replace(first["rgb"], stream="both", flow=given, **source)


def fed(data: Data, stream: str) -> dict:
    """The settings that decide what a model sees of a video's stream, as plain values."""
    settings = data.of(stream).pixel_settings()
    motion = settings.pop("flow", {})
    settings |= {f"flow.{name}": motion[name] for name in ("method", "encoding", "short_side") if name in motion}
    if data.sampling == "uniform":
        settings["step"] = None  # it has no effect
    return settings | {"flow.paired": clips.leaves_frames_out(data)}


def _check_fed_alike(runs: Sequence[Run], data: Data) -> None:
    """All members must see what the new model is given.

    Raises:
        UserError: one sees something else; with all that differs.
    """
    for run in runs:
        for stream in run.experiment.data.streams:
            own, given = fed(run.experiment.data, stream), fed(data, stream)
            differ = [f"{name} {_shown(own[name])} and {_shown(given[name])}" for name in own if own[name] != given.get(name)]
            if differ:
                model = next(r for r in runs if stream in r.experiment.data.streams)
                other = model.place if model is not run else "one model of both streams"
                raise UserError(
                    f"Members of one model are fed alike. {run.place} and {other} differ in what they see of {stream}: "
                    f"{'; '.join(differ)}. Fuse runs that were trained with the same --data settings; {OTHERWISE}"
                )


def _shown(value) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else "none" if value is None else str(value)


# === What the members were trained on ===


def _record(runs: Sequence[Run]) -> Record:
    """The videos of all members, each in the split that counts for all of them; what that changes is said.

    Raises:
        UserError: the members are of other videos, or a member does not know its own.
    """
    known = []
    for run in runs:
        alike = selection.is_named_alike(run.experiment.data, runs[0].experiment.data)  # whatever the folder is called
        known.append(Known(run.place, sources.base_of_record((runs[0] if alike else run).experiment.data), _record_of(run)))
        if not alike:
            joined_records.check_same_videos(known[0], known[-1])
    record = joined_records.join(known)
    joined_records.tell(known[0], record)
    return record


def _record_of(run: Run) -> Record:
    if run.record is None:
        selection.tell_drawn_anew()
    return run.record or sources.draw(run.experiment)


# === The model ===


def write(plan: Plan, folder: Path) -> Run:
    """Load the members, join them, and leave the new run in its folder, whole or not at all.

    Raises:
        UserError: a model cannot be read, or the run cannot be written.
    """
    networks = [run.load_model() for run in plan.runs]
    settings = plan.experiment.model
    members = list(settings.members)
    for number, network in enumerate(networks):
        owners = (k for k in range(number) if members[k].frozen_of is None and same_frozen(networks[k], network))
        if (owner := next(owners, None)) is not None:
            members[number] = dataclasses.replace(members[number], frozen_of=owner + 1)
    settings = dataclasses.replace(settings, members=tuple(members))
    experiment = dataclasses.replace(plan.experiment, model=settings)
    intervals = {}
    for run in reversed(plan.runs):  # of two on one stream, the first one's
        intervals |= {stream: entry["interval"] for stream, entry in run.recipe["streams"].items()}
    classes = plan.runs[0].classes
    contents = recipe.make(experiment, classes, None, intervals)
    return Run.add(folder, experiment, classes, plan.record, contents, settings.join(networks))


def described(run: Run) -> list[str]:
    """A line a member: its run, its share of the answer, and whose frozen layers it uses."""
    members = run.experiment.model.members
    total = sum(member.weight for member in members)
    return [
        f"member{number}: {member.run}, {member.stream}, {member.weight / total:.3f} of the answer"
        + (f"; the frozen layers of its CNN are those of member{member.frozen_of}" if member.frozen_of else "")
        for number, member in enumerate(members, start=1)
    ]
