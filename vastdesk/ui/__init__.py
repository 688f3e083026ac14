"""The window: theme, kit, pages. Knows views and commands, nothing of SSH or SQL."""
