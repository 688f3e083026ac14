"""The runner: the program that VastDesk puts on an instance. It runs a job detached and keeps its event log.

Standard library only, Python 3.8 and later, relative imports only: it is shipped as one zipapp.
"""

VERSION = "1"
