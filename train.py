"""Train a recurrent video model on a folder of videos.

    python train.py                                   the quick start: a small LRCN on built-in synthetic videos
    python train.py lrcn --data.path videos/          your videos, one sub-folder a class
    python train.py lrcn --name first --data.path videos/ --model.units 512 --train.epochs 20
    python train.py --config runs/first/config.json --name second --train.seed 1      the settings of another run
    python train.py lrcn --print-config > mine.json   settings as a file, for --config mine.json; nothing is trained
    python train.py --help                            all presets
    python train.py lrcn --help                       all settings of one

The run lies in runs/NAME, or below --runs, which may be remote (s3://bucket/runs). The same command again goes on where it
stopped.
"""

import logging

from videorec import cli, terminal

log = logging.getLogger("train")


def main(args: list[str]) -> int:
    """Settings -> task -> training."""
    experiment = cli.parse_experiment(args, description=__doc__)

    from videorec import tasks  # TensorFlow takes seconds to import: not for --help
    from videorec.training import loop

    try:
        with terminal.Bar("features") as bar:
            run = loop.train(tasks.of(experiment), experiment, bar)
    except KeyboardInterrupt:
        return 130
    log.info("done. python evaluate.py %s   |   python -m videorec.tools.tensorboard %s", run.place, experiment.runs)
    return 0


if __name__ == "__main__":
    terminal.run(main)
