"""Videos as the source of a model's clips: which streams, which frames, how a frame is cropped and augmented."""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from videorec.config.base import Source
from videorec.config.bounds import Count, CountOrZero, Part, Positive, PositiveShare, Share

ASPECT = (3 / 4, 4 / 3)  # of random crops, as is usual since Szegedy et al. 2014
ShortSide = Annotated[int, Ge(16)]  # px: motion of smaller pictures cannot be measured


@dataclass(frozen=True)
class Flow:
    """Motion between neighbouring frames: how it is measured, and where its stream differs from the frames'."""

    method: Literal["dis", "farneback", "tvl1", "stored"] = "dis"
    """dis, farneback, tvl1 (needs opencv-contrib-python): measured when a clip is read. stored: each video is a folder of flow
    pictures already, or holds grey pairs flow_x_00001.jpg, flow_y_00001.jpg (-20 to 20 px) beside its frames."""
    encoding: Literal["lrcn", "short_snippets"] = "lrcn"
    """How motion (u, v) in px becomes a picture. lrcn: 16 u + 128, 16 v + 128, 16 |w| + 128; short_snippets: -40 to 40 px as 0
    to 255, and zeros."""
    frames: Count | None = None
    """Flow pictures a clip. Default: data.frames."""
    fps: Positive | None = None
    """Rate of the frames that motion is measured between. Default: data.fps."""
    step: Count | None = None
    """Dense sampling: distance of two flow pictures of a clip. Default: data.step."""
    short_side: ShortSide | None = None
    """Short side, in px, of the frames that motion is measured on; it is the unit of u and v. Default: that of data.resize."""
    paired: bool = True
    """Beside frames of the same rate and length, picture t of both streams is of one frame, and the last frame, which has no
    motion, is left out. Off: each stream draws its own, as models of one stream do (runs that videorec.tools.fuse joins)."""


@dataclass(frozen=True)
class Footage(Source):
    """Which videos, and how their pictures are read, cropped and augmented.

    A stored feature depends on every setting of the data that is not named here: a new one is part of the cache's key at once.

    Attributes:
        augmentation: the settings that change the augmented views of a clip, and not the plain one.
        without_pixels: the settings that change no picture, each with the reason.
    """

    augmentation: ClassVar[tuple[str, ...]] = ("flip", "flip_vertical", "crop_scale", "crop_aspect", "color")
    without_pixels: ClassVar[dict[str, str]] = {
        "path": "which videos; what prepared pictures were made with is in the key by itself",
        "videos": "where they lie",
        "exclude": "which classes",
        "val": "which videos",
        "augment": "whether there are augmented views",
        "damaged": "which videos",
        "max_pixels": "which videos",
        "max_unreadable": "when a run stops",
        "workers": "how fast",
        "remote_cache_gb": "where copies lie",
    }

    path: str = ""
    """What lists the videos."""
    videos: str | None = None
    """Folder that relative video paths start from; may be one made by videorec.tools.prepare. Default: the folder of `path`."""
    exclude: tuple[str, ...] = ()
    """Class names to leave out."""
    val: Annotated[float, Ge(0), Lt(0.85)] = 0.15
    """Share of the training videos kept for validation, in whole groups, where the source names no validation videos.
    0: none; all are trained on."""
    stream: Literal["rgb", "flow", "both"] = "rgb"
    """What the model sees: rgb frames, flow (motion between neighbouring frames, as pictures), or both."""
    flow: Flow = field(default_factory=Flow)
    frames: Count = 16
    """Frames a clip (T)."""
    fps: Positive | None = None
    """Resample the video to this rate by time stamps. Default: every frame of the file."""
    resize: tuple[Count, Count] = (128, 128)
    """Height and width that a decoded frame is resized to."""
    crop: tuple[Count, Count] = (112, 112)
    """Height and width that the model sees: random crop in training, centre crop otherwise."""
    fit: Literal["stretch", "crop"] = "stretch"
    """How a frame of another shape meets `resize`: stretched, or its centre cropped to the aspect ratio first."""
    values: tuple[float, float] | None = None
    """Folders of pictures: the stored values that become 0 and 255; others are clipped. Default: 0 and 255 of 8 bits;
    other pictures (16 bits, float TIFF) are an error."""
    augment: bool = True
    """Augment training clips (the same change for all frames of a clip). Off: centre crop, no jitter at all."""
    flip: bool = True
    """Mirror half of the training clips. Turn it off where left and right are different classes."""
    flip_vertical: bool = False
    """Also turn half of them upside down: for cameras that look straight down."""
    crop_scale: tuple[PositiveShare, PositiveShare] = (0.6, 1.0)
    """Share of the frame's area that a random crop covers, least and most. (1, 1) with `crop` smaller than `resize`:
    a random position at full scale, as in the papers."""
    crop_aspect: tuple[Positive, Positive] = ASPECT
    """How far such a crop may differ from the frame's shape, width to height, least and most; it is resized to `crop`. (1, 1):
    it keeps the shape, and nothing looks stretched."""
    color: Part = 0.2
    """Strength of the random change of brightness, contrast and saturation; 0 turns it off."""
    damaged: Literal["keep", "drop", "error"] = "keep"
    """Videos of which a part cannot be decoded, or not without errors: use the rest (keep), leave them out (drop), or stop
    (error). They are named in any case."""
    max_pixels: Count = 64_000_000
    """Videos and pictures with more pixels a frame count as unreadable; they are not decoded."""
    max_unreadable: Share = 0.01
    """Share of unreadable videos above which the run stops. Below it they count with weight 0 and are reported."""
    workers: CountOrZero = 0
    """Videos decoded in parallel; 0: one a core."""
    remote_cache_gb: Positive = 20.0
    """Most disk, in GB, that local copies of remote videos take; the ones not used for longest go first."""

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that a clip has."""
        return ("rgb", "flow") if self.stream == "both" else (self.stream,)

    def pixel_settings(self) -> dict:
        """The settings that the plain clip of this stream depends on; those of flow where it is one of the streams."""
        left_out = {*self.augmentation, *self.without_pixels, *({"flow"} if "flow" not in self.streams else ())}
        left_out |= {"values"} if self.values is None else set()  # so that stores of before there was this setting serve on
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name not in left_out}
        if self.flow.paired and "flow" in settings:
            del settings["flow"]["paired"]  # for the same reason
        return settings

    def augmentation_settings(self) -> dict:
        """The settings that the augmented views of a clip depend on beside `pixel_settings`."""
        left_out = {"crop_aspect"} if self.crop_aspect == ASPECT else set()  # so that stores of before it serve on
        return {name: getattr(self, name) for name in self.augmentation if name not in left_out}

    def of(self, stream: str) -> typing.Self:
        """The settings of one stream alone: for flow, its own rate and length in place of the frames'."""
        if stream == "rgb":
            return dataclasses.replace(self, stream="rgb")
        flow = self.flow
        return dataclasses.replace(
            self,
            stream="flow",
            frames=flow.frames or self.frames,
            fps=flow.fps or self.fps,
            flow=dataclasses.replace(flow, short_side=flow.short_side or min(self.resize)),
        )
