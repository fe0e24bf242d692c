"""A diagnosis as text for a terminal and as the JSON report of the contract. Pure: values in, text out."""
