"""Prepare videos on Apache Beam: the same shards, each made on whatever machine the runner chooses.

Beam's machines need videorec, and must read the source and write the prepared folder under the same names.
"""

from videorec.config import UserError
from videorec.data.prepared import shards
from videorec.data.prepared.shards import Shard
from videorec.data.prepared.work import Work

INSTALL = 'pip install "apache-beam>=2.60,<3" (Python 3.10 to 3.12)'


def run(work: Work, runner: str, arguments: list[str]) -> None:
    """Make what is missing.

    Args:
        runner: name of a Beam runner.
        arguments: further options for it, as Beam's documentation lists them.

    Raises:
        UserError: Beam is not installed, or the shards are not in the folder afterwards.
    """
    try:
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise UserError(f"--runner {runner} needs Apache Beam: {INSTALL}") from error
    options = PipelineOptions([*arguments, f"--runner={runner}"])
    with beam.Pipeline(options=options) as pipeline:
        # Reshuffle: without it a runner may fuse both steps and make all shards on one machine.
        _ = pipeline | beam.Create(work.missing) | beam.Reshuffle() | beam.Map(_make, work.out)
    work.look()
    if work.missing:
        raise UserError(f"{runner} ended without {work.missing[0].file} in {work.out}: do its machines see that folder?")


def _make(shard: Shard, out: str) -> str:
    """Make one shard, on a machine of Beam's; its name."""
    import cv2

    cv2.setNumThreads(0)  # Beam works in parallel; OpenCV's own threads would fight for the same cores
    with shards.working_folder(out) as working:
        shards.make(shard, out, working)
    return shard.file
