"""Labels of the moments to come."""
