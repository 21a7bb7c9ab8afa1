"""Dense labels: every frame of a video has its own, several at once or one of them."""
