"""Sequences of frames to forecast."""
