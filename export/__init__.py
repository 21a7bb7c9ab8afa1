"""Deploy a run: `python -m export.saved_model`, `python -m export.tflite`, and `python -m export.verify` compares them."""

import videorec  # noqa: F401 -- before TensorFlow: it quiets the start-up messages
