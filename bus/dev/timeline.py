"""The story as a table: who did what, when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

COLUMNS = ("time", "who", "what", "document", "proof")
_WHAT = {
    "sent": "gửi / sent",
    "received": "nhận / received",
    "status": "nhận trạng thái / status back",
    "answered": "gửi trạng thái / status sent",
    "replied": "gửi văn bản phúc đáp / reply sent",
    "notice": "thông báo / notice",
    "trouble": "trục trặc / trouble",
}


def rows(events: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row for each event, in the order of time."""
    told = sorted((e for e in events if e["event"] in _WHAT), key=lambda e: str(e["at"]))
    return [_row(event) for event in told]


def line(event: dict[str, Any]) -> str | None:
    """One event as a line of text; None for what is no part of the story."""
    return "  ".join(_row(event)).rstrip() if event["event"] in _WHAT else None


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    at = datetime.fromisoformat(event["at"]).astimezone()
    code = f" {event['code']}" if "code" in event else ""
    about = str(event.get("documentId") or event.get("message") or "")
    return (at.strftime("%H:%M:%S.%f")[:-3], event["agency"], _WHAT[event["event"]] + code, about,
            _proof(event))  # fmt: skip


def _proof(event: dict[str, Any]) -> str:
    if event["event"] == "sent":
        return f"receipt ✓, routes v{event['routesVersion']}"
    if "signedBy" not in event:
        return ""
    form = "original" if event["original"] else "rendered"
    digest = "✓" if event["digestHolds"] else "✗"
    signer = event["signedBy"]
    signed = f"signed by {signer}" if signer else "không ký / unsigned"
    return f"{form}, {signed}, digest {digest}"
