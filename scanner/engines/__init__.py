"""Other scanners that are run beside our own checks, when somebody has installed them."""
