"""The pages of administration, a file a subject."""
