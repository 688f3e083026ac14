# The ComfyUI release whose layout and output are imitated.
__version__ = "0.3.64"
