"""Gates: what has to be seen before a run goes on.

``judging``, ``analysis``, ``window``, ``targets`` and ``condition`` decide, and are pure; ``probing``, ``prometheus``,
``webhook`` and ``command`` ask; ``live`` is what the driver holds.
"""
