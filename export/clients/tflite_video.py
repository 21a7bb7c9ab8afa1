"""What a .tflite file of videorec says of a video: `python tflite_video.py model.tflite my.mp4`.

It needs `pip install ai-edge-litert numpy opencv-python`, and no videorec: for a file of one RGB stream.
"""

import json
import os
import sys
import zipfile

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

path, video = sys.argv[1:]
recipe = json.loads(zipfile.ZipFile(path).read("recipe.json"))
(stream,), pictures = recipe["streams"].values(), recipe["pictures"]
height, width = pictures["resize"]

# === All frames, at the size that the model takes ===
if stream["fps"]:
    sys.exit(f"The model takes {stream['fps']} frames a second: write the video at this rate first, as with ffmpeg -r")
frames, capture = [], cv2.VideoCapture(os.path.abspath(video))
while capture.grab():
    frame = capture.retrieve()[1]
    h, w = frame.shape[:2]
    if pictures["fit"] == "crop":  # the centre of the target's aspect ratio
        keep_h, keep_w = min(h, round(w * height / width)), min(w, round(h * width / height))
        top, left = (h - keep_h) // 2, (w - keep_w) // 2
        frame = frame[top : top + keep_h, left : left + keep_w]
        h, w = keep_h, keep_w
    how = cv2.INTER_AREA if h >= height and w >= width else cv2.INTER_LINEAR
    frames.append(cv2.resize(frame, (width, height), interpolation=how)[..., ::-1])  # RGB
if not frames:
    sys.exit(f"{video} has no frame that can be read")

runner = Interpreter(path).get_signature_runner()
if recipe["export"]["streaming"]:  # frame by frame: the states go out and in again
    every = round((stream["interval"] or 0) * capture.get(cv2.CAP_PROP_FPS)) or 1  # as far apart as in training
    states = {k: np.full(s["shape"], float(s.get("start", 0)), s["dtype"]) for k, s in recipe["states"].items()}
    for frame in frames[::every]:
        answer = runner(**{stream["input"]: frame[None]}, **states)
        states = {name: answer[name] for name in states}
else:  # the clip of an evaluation of one clip a video
    count, clip = len(frames), np.arange(stream["frames"])
    if stream["sampling"] == "uniform" and count >= len(clip):
        clip = ((clip + 0.5) * count / len(clip)).astype(int)
    elif stream["sampling"] != "uniform":
        room = max(count - (len(clip) - 1) * stream["step"], 1)
        clip = clip * stream["step"] + (room // 2 if stream["sampling"] == "dense" else 0)
    clip = clip % count if stream["short"] == "repeat" else np.minimum(clip, count - 1)
    answer = runner(**{stream["input"]: np.stack([frames[i] for i in clip])[None]})

probabilities = answer["probabilities"][0]
for k in probabilities.argsort()[::-1][:5]:
    print(f"{probabilities[k]:.4f} {recipe['classes'][k]}")
