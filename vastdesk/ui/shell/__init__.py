"""The frame around the pages: main window, menus, palette, tray, notifications, settings, about, crash dialog."""
