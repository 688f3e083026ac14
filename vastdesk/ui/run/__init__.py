"""The live run: its timeline, its task list, what the tools print, and what can be done next."""
