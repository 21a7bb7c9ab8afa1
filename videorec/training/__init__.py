"""Training, whatever is learnt: one loop, its callbacks, optimizers and curves."""
