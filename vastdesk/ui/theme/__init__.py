"""How VastDesk looks: colours, type, distances, icons, motion. `Theme(app)` puts it on; the rest asks here.

>>> Theme(app).set_mode("dark")
>>> button.setIcon(icon("run", "accent_text"))       # follows light and dark by itself
>>> layout.setSpacing(space(2))
>>> set_font(label, "title")
"""

from vastdesk.ui.theme.active import tokens
from vastdesk.ui.theme.icons import app_icon, icon, icon_names
from vastdesk.ui.theme.motion import is_motion_reduced, set_motion
from vastdesk.ui.theme.scale import FontRole, font, icon_size, radius, set_font, space
from vastdesk.ui.theme.theme import Mode, Theme
from vastdesk.ui.theme.tokens import DARK, LIGHT, ColourName, Tokens, contrast, mix

__all__ = [
    "DARK",
    "LIGHT",
    "ColourName",
    "FontRole",
    "Mode",
    "Theme",
    "Tokens",
    "app_icon",
    "contrast",
    "font",
    "icon",
    "icon_names",
    "icon_size",
    "is_motion_reduced",
    "mix",
    "radius",
    "set_font",
    "set_motion",
    "space",
    "tokens",
]
