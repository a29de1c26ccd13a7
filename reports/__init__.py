"""Rendering a scan and its assessment: JSON, HTML, PDF. Knows nothing of how they were stored."""
