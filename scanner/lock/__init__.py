"""The lock of a model: which bytes it was, written to a file that later fetches and scans can demand."""
