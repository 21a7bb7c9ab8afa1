"""Videos and files on an S3 server."""

from collections.abc import Iterator
from pathlib import Path

from grey_videos import write_video

from videorec.data import manifest
from videorec.data.manifest import Video
from videorec.storage import files


def below(folder: str) -> set[str]:
    """Names of all files below a remote folder."""

    def walk(place: str, above: str = "") -> Iterator[str]:
        for entry in files.names(place) if files.is_folder(place) else []:
            if files.is_folder(files.join(place, entry)):
                yield from walk(files.join(place, entry), f"{above}{entry}/")
            else:
                yield above + entry

    return set(walk(folder))


def write_videos(bucket: str, scratch: Path) -> str:
    """A manifest on the server: 12 videos of two classes, of 5 to 16 grey frames of 16 x 16; half of them to train on."""
    rows = []
    for k in range(12):
        name, label = f"{'ab'[k % 2]}/{k}.avi", "ab"[k % 2]
        files.publish(write_video(scratch / "v.avi", frames=5 + k, size=(16, 16)), f"{bucket}/videos/{name}")
        rows.append(Video(f"{bucket}/videos/{name}", (label,), split=("train", "train", "val", "test")[k // 2 % 4]))
    manifest.write(f"{bucket}/videos/m.csv", rows)
    return f"{bucket}/videos/m.csv"
