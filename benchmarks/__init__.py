"""Measurements; `make bench` runs them. Nothing here is asserted: machines are noisy."""
