"""Rules of the portal as pure Python: values in, values out; no framework, no clock, no I/O."""
