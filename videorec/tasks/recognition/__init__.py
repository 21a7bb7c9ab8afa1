"""Labels of clips: one class each, or several."""
