"""Measurements, as ratios against something that runs side by side: `make bench`."""
