"""What the backend `endpoint` is made of: the address policy, the HTTP client, and the reading of answers."""
