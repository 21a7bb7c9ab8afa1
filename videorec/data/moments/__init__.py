"""Long videos with the labels of their moments."""
