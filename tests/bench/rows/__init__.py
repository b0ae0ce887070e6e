"""One file a subject: ``measure(ground)`` yields the rows of the table."""
