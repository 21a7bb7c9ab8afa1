"""From videos on disk to batches: manifest, sources, decoding, sampling, augmentation, tf.data pipelines."""
