"""What a field is, and what became of it: the table, the walker, verdicts, codes and the ledgers."""
