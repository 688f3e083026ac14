"""ComfyUI runs this before it loads the node."""

import os

os.environ.setdefault("PRACTICE_NOTES_STYLE", "plain")
