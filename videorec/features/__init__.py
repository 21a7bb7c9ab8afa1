"""The feature cache: what lies below the first trained layer is computed once."""
