"""The practice instance: an SSH server on loopback with a world of its own (docs/architecture.md)."""
