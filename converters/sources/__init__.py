"""Sources: readers of one kind of document each. They turn documents into Workloads through a Reading."""
