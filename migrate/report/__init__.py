"""What people read: terminal views and Markdown, made from plans and comparisons. Returns texts, prints nothing."""
