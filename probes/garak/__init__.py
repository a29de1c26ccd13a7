"""garak, unmodified, in a child process: its probes and detectors, our scheduler.

The road of one probe, and the module for each stretch of it:

- `selection`, `profiles`, `taxonomy`: which probes, how many prompts, what garak's names mean to us;
- `rounds`: makes, asks and scores several probes together, in the scan's own process;
- `session`, `messages`: the child process as the scan sees it, and what travels on its pipes;
- `child`, `minting`, `confinement`: the child itself, without a network or a trace in the user's home;
- `surface`: the only place that imports garak, and the list of its names that we rely on;
- `tally`, `judging`, `account`: counts, what they mean, and what is left for the auditor.
"""
