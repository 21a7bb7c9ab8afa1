"""Trained models at work: in parts, step by step, as graphs."""
