"""aggregator: local posts and remote feeds in, merged feeds per category out.

Importing this package imports none of the heavy libraries; each is imported where it is used.
"""

__version__ = "0.1.0"
