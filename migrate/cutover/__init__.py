"""The cutover: callers move from containers to pods behind one Service, step by step, and can go back at any step."""
