"""garak, unmodified, in a child process: its probes and detectors, our scheduler."""
