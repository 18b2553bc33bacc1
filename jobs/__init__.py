"""Clockwork: the processes and RQ jobs that look for due work. Nothing imports this package."""
