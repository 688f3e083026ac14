"""The pieces every page is made of. Each looks right in light and dark, is reached by keyboard, has a name for screen
readers, and treats what it is given as text. `python -m vastdesk.ui.kit.gallery` shows them all.
"""

from vastdesk.ui.kit.badge import StateBadge, badge_size, paint_badge
from vastdesk.ui.kit.banner import Banner, BannerKind, announce
from vastdesk.ui.kit.buttons import ButtonKind, IconLabel, icon_button, push_button
from vastdesk.ui.kit.copying import CopyButton
from vastdesk.ui.kit.dialogs import ConfirmDialog, ask, choose_file, confirm
from vastdesk.ui.kit.elided import ElidedLabel
from vastdesk.ui.kit.empty import EmptyState
from vastdesk.ui.kit.fields import Field, declared_text, param_fields, setting_fields
from vastdesk.ui.kit.form import FormView
from vastdesk.ui.kit.header import SectionHeader
from vastdesk.ui.kit.keyvalue import Fact, KeyValueList
from vastdesk.ui.kit.log import PlainTextLog
from vastdesk.ui.kit.motion import Beat
from vastdesk.ui.kit.plain import TextLabel, plain_tooltip, unmarked
from vastdesk.ui.kit.ring import ProgressRing, paint_ring
from vastdesk.ui.kit.search import SearchField
from vastdesk.ui.kit.split import Memory, SplitView
from vastdesk.ui.kit.states import KNOWN_STATES, StateLook, state_look
from vastdesk.ui.kit.undo import UndoBar

__all__ = [
    "KNOWN_STATES",
    "Banner",
    "BannerKind",
    "Beat",
    "ButtonKind",
    "ConfirmDialog",
    "CopyButton",
    "ElidedLabel",
    "EmptyState",
    "Fact",
    "Field",
    "FormView",
    "IconLabel",
    "KeyValueList",
    "Memory",
    "PlainTextLog",
    "ProgressRing",
    "SearchField",
    "SectionHeader",
    "SplitView",
    "StateBadge",
    "StateLook",
    "TextLabel",
    "UndoBar",
    "announce",
    "ask",
    "badge_size",
    "choose_file",
    "confirm",
    "declared_text",
    "icon_button",
    "paint_badge",
    "paint_ring",
    "param_fields",
    "plain_tooltip",
    "push_button",
    "setting_fields",
    "state_look",
    "unmarked",
]
