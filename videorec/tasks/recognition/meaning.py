"""What the figures of an evaluation mean, in words. No TensorFlow: tools that only read results use it too."""

MEANING = {
    "accuracy": "video accuracy: share of videos whose highest probability, averaged over clips and crops, is a true label's",
    "clip_accuracy": "each clip scored alone: share of clips whose highest probability, averaged over crops, is a true label's",
    "mean_class_accuracy": "mean over classes of the share of the class's videos that are recognised",
    "top5": "share of videos with a true label among the 5 highest probabilities",
    "hit_at": "k: share of videos with at least one true label among the k highest probabilities",
}
MULTILABEL = {  # in place of those of one label
    "accuracy": "hit@1: share of videos whose highest probability, averaged over clips and crops, is one of their labels'",
    "map": "mean over classes of the average precision of the videos ranked by probability, not interpolated; classes without "
    "a video are left out",
    "per_class": "average precision; precision and recall of the videos whose probability is above the threshold",
}
STREAMS = "what each stream, or each member, of the model says alone, averaged over clips and crops as the whole"
NO_CLIPS = "left out: the fused runs do not take the same clips of every video"


def meaning(clips: bool, streams: bool, target: str = "clip") -> dict[str, str]:
    """The meaning of each figure in `results.json`; of clips and of streams where it has them."""
    words = MEANING if clips else MEANING | {"clip_accuracy": NO_CLIPS}
    if target == "multilabel":
        words = {name: text for name, text in words.items() if name != "mean_class_accuracy"} | MULTILABEL
    return words | {"streams": STREAMS} if streams else words


def views(protocol: dict) -> str:
    """`test videos of PATH, 25 clips x 10 crops, 16 frames uniform`, from the protocol in `results.json`."""
    kind = "videos (all)" if protocol["split"] == "all" else f"{protocol['split']} videos"
    return (
        f"{kind} of {protocol['data']}, {protocol['clips_per_video']} clips x "
        f"{protocol['crops_per_clip']} crops, {protocol['frames']} frames {protocol['sampling']}"
    )
