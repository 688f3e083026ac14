"""VastDesk: rent, set up and watch remote ComfyUI machines."""

__version__ = "0.1.0"
