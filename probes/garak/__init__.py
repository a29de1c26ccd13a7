"""garak, unmodified, in a child process: its probes and detectors, our scheduler.

The road of one probe, and the module for each stretch of it:

- `selection`, `profiles`, `counts`, `taxonomy`, `local_models`: which probes, how many prompts, what garak's
  names mean to us, and which hub models are at hand; `planning` makes orders of them;
- `controls`: harmless questions of the same form, asked first;
- `running`, `rounds`: make, ask and go on with several probes together, in the scan's own process;
- `session`, `messages`: the child process as the scan sees it, and what travels on its pipes;
- `child`, `minting`, `handover`, `scoring`, `confinement`: the child itself, in which a probe waits for its
  replies, without a network or a trace in the user's home;
- `surface`: the only place that imports garak, and the list of its names that we rely on;
- `tally`, `second_opinion`, `judging`, `telling`, `account`: counts, our own reading of refusals, what they
  mean, and what is left for the auditor.
"""
