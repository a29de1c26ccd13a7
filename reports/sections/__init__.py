"""The sections of a report: what each shows, as frozen values that the templates only loop over."""
