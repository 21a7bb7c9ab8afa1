"""Labels of every moment of long videos."""
