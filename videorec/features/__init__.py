"""The feature cache: with a frozen backbone its features are computed once."""
