"""The list of boards."""
