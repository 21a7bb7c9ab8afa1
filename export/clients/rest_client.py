"""Ask TensorFlow Serving about a video, by REST: `python rest_client.py http://localhost:8501/v1/models/NAME my.mp4`.

It needs opencv-python, and neither TensorFlow nor videorec: for a model of one RGB stream.
"""

import base64
import json
import os
import sys
import urllib.request

import cv2


def body_of(video: str) -> dict:
    """The request: a row a video, all its frames as JPEG; the model draws those that it wants."""
    images, capture = [], cv2.VideoCapture(os.path.abspath(video))
    while capture.grab():
        jpeg = cv2.imencode(".jpg", capture.retrieve()[1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
        images.append({"b64": base64.b64encode(jpeg).decode()})
    return {"signature_name": "serve_jpeg", "instances": [{"images": images}]}


if __name__ == "__main__":
    url, video = sys.argv[1:]
    request = urllib.request.Request(
        f"{url}:predict", json.dumps(body_of(video)).encode(), {"Content-Type": "application/json"}
    )
    (answer,) = json.load(urllib.request.urlopen(request))["predictions"]
    for score, name in sorted(zip(answer["probabilities"], answer["classes"], strict=True), reverse=True)[:5]:
        print(f"{score:.4f} {name}")
