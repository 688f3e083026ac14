"""When a run was, in words. Pure."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication, QLocale

translate = QCoreApplication.translate


def relative(ts: float, now_ts: float) -> str:
    """`just now`, `5 min ago`, `14:02`, `yesterday 14:02`, `12 Jun 14:02`, `2024-06-12`."""
    ago_s = now_ts - ts
    when, now = _local(ts), _local(now_ts)
    clock = when.strftime("%H:%M")
    if -60 < ago_s < 60:
        return translate("Runs", "just now")
    if 0 <= ago_s < 3600:
        return translate("Runs", "{count} min ago").format(count=int(ago_s // 60))
    days = (now.date() - when.date()).days
    if days == 0:
        return translate("Runs", "today {time}").format(time=clock)
    if days == 1:
        return translate("Runs", "yesterday {time}").format(time=clock)
    if when.year == now.year and days > 0:
        return f"{when.day} {QLocale().monthName(when.month, QLocale.FormatType.ShortFormat)} {clock}"
    return when.strftime("%Y-%m-%d %H:%M")


def exact(ts: float) -> str:
    """To the second, with the time zone."""
    return _local(ts).strftime("%Y-%m-%d %H:%M:%S %Z")


def _local(ts: float) -> datetime:
    return datetime.fromtimestamp(ts).astimezone()
