"""Storing and loading scans, assessments and decisions. The only room that knows SQL."""
