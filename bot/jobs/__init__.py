"""Adapters of the job port: threads of this process now, a queue on PostgreSQL later. They know no use case."""
