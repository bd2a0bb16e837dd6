"""What happens by itself: when, and in which process."""
