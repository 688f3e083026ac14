"""Where the window gets its task owner from: it does not know the room below."""

from vastdesk.remote.owned import TaskOwner

__all__ = ["TaskOwner"]
