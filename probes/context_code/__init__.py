"""Code quality by context: the same coding tasks for groups that should make no difference."""
