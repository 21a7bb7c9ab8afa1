"""The sections that TensorBoard sorts curves and pictures into: numbered, so that what is looked at first comes first.

It opens the first two. A chart's steps are epochs or training steps, never both: the section says which.
"""

EPOCHS = "1 curves by epoch"
STEPS = "2 curves by step"
ANSWERS = "3 answers"
INPUT = "4 input"
INPUT_STEPS = "5 input by step"
MODEL = "6 model"
CLASSES = "7 classes"
