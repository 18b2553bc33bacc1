"""What `make run` starts: the whole portal in one terminal, without root or any service installed."""
