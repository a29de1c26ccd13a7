"""What sources that ask servers share: checked addresses, a careful HTTP client, names that stay inside."""
