"""Train a recurrent video model on a folder of videos.

    python train.py                                   the quick start: a small LRCN on built-in synthetic videos
    python train.py lrcn --data.path videos/          your videos, one sub-folder a class
    python train.py lrcn --name first --data.path videos/ --model.units 512 --train.epochs 20
    python train.py --help                            all presets
    python train.py lrcn --help                       all settings of one

The run lies in runs/NAME, or below --runs, which may be remote (s3://bucket/runs). The same command again goes on where it
stopped.
"""

import logging

from videorec import cli, terminal

log = logging.getLogger("train")


def main(args: list[str]) -> int:
    """Config -> data -> run -> model and fit."""
    experiment = cli.parse_experiment(args, description=__doc__)

    from videorec.config.rules import validate
    from videorec.runs.run import Run
    from videorec.storage import files
    from videorec.training import loop  # TensorFlow takes seconds to import: not for --help
    from videorec.training.callbacks import push_if_possible

    if experiment.task == "forecasting":
        from videorec.tasks.forecasting import training
    elif experiment.task in ("dense", "anticipation"):
        from videorec.tasks.dense import training
    else:
        from videorec.tasks.recognition import training

    validate(experiment)
    strategy = loop.set_up(experiment.train)
    found = training.load(experiment)
    run = Run.create(files.join(experiment.runs, experiment.name), experiment, found.classes)
    log.info("%s: %s", run.place, found.describe())
    try:
        with terminal.Bar("features") as bar:
            training.fit(experiment, run, found, strategy, bar)
    except KeyboardInterrupt:
        state = run.last_state()
        epoch = state["epoch"] if state else 0
        log.warning("stopped; the state after epoch %d is kept. The same command goes on from there.", epoch)
        push_if_possible(run)
        return 130
    run.push()
    log.info("done. python evaluate.py %s   |   tensorboard --logdir %s", run.place, run.tensorboard)
    return 0


if __name__ == "__main__":
    terminal.run(main)
