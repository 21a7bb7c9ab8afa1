"""Forecasting frames: sequences, losses, metrics and baselines of encoder-forecasters."""
