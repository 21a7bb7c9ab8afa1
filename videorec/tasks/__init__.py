"""What differs between learning labels of clips, labels of moments, labels to come, and frames."""
