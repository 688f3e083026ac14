"""Machines: the list, adding and editing, testing a connection, host keys, the overview."""
