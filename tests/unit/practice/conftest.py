"""The practice instance is not offered on Windows: nothing of it is tested there."""

import sys

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []
