"""Ask TensorFlow Serving about a video, by gRPC: `python grpc_client.py localhost:8500 NAME my.mp4`.

It needs `pip install tensorflow-serving-api opencv-python`, and no videorec: for a model of one RGB stream.
"""

import os
import sys

import cv2
import numpy as np
import tensorflow as tf


def inputs_of(video: str) -> dict:
    """The inputs of the request: all frames, uint8 (1, N, H, W, 3), RGB; the model draws those that it wants."""
    frames, capture = [], cv2.VideoCapture(os.path.abspath(video))
    while capture.grab():
        frames.append(capture.retrieve()[1][..., ::-1])
    return {"frames": tf.make_tensor_proto(np.stack(frames)[None], tf.uint8)}


if __name__ == "__main__":
    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    server, name, video = sys.argv[1:]
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = name, "serving_default"
    for key, value in inputs_of(video).items():
        request.inputs[key].CopyFrom(value)
    channel = grpc.insecure_channel(server, [("grpc.max_send_message_length", -1)])  # frames pass the default, 4 MB
    outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, 60).outputs
    answer = {key: tf.make_ndarray(outputs[key])[0] for key in ("probabilities", "classes")}
    for k in answer["probabilities"].argsort()[::-1][:5]:
        print(f"{answer['probabilities'][k]:.4f} {answer['classes'][k].decode()}")
