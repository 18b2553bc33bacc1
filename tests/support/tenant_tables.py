"""What the tenant trees of tests have to know of single tables and columns; all else follows from the schema."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

#: Tables that are one for all tenants, each with the reason.
SHARED: Mapping[str, str] = {
    "portal_settings": "the portal's own",
    "verifications": "the portal's own health",
    "worker_beats": "the portal's own health",
    "price_versions": "one price list for everybody",
    "billing_runs": "one run a 25th, over all",
    "billing_chunks": "numbers of a run, no tenant's text",
    "audit_seals": "hashes of events",
}
#: Text columns that no tenant's words stand in, each with the reason.
CODES: Mapping[tuple[str, str], str] = {
    ("accounts", "account_number"): "digits; known by themselves",
    ("accounts", "language"): "ja or en",
    ("accounts", "prefecture"): "one of 47",
    ("accounts", "reseller_prefecture"): "one of 47",
    ("accounts", "industry"): "one of a list",
    ("accounts", "hidden_menu_keys"): "keys of menus",
    ("accounts", "search_text"): "made of marked columns",
    ("administrators", "password_hash"): "a hash",
    ("administrators", "language"): "ja or en",
    ("administrators", "search_text"): "made of marked columns",
    ("service_users", "search_text"): "made of marked columns",
    ("menu_presets", "hidden_menu_keys"): "keys of menus",
    ("audit_events", "action"): "a code",
    ("audit_events", "remote_address"): "an address of the network",
    ("sign_ins", "token_hash"): "a hash",
    ("sign_ins", "remote_address"): "an address of the network",
    ("one_time_links", "token_hash"): "a hash",
    ("cancellations", "consent_text"): "the guide's sentence",
    ("point_lines", "transfer_id"): "drawn at random",
    ("point_lines", "request_id"): "drawn at random",
    ("approval_requests", "subject_key"): "a code and ids",
    ("approval_requests", "account_ids"): "ids",
    ("approval_requests", "asked_amounts"): "numbers",
    ("approval_requests", "request_id"): "drawn at random",
    ("point_requests", "request_id"): "drawn at random",
    ("point_requests", "body_digest"): "a hash",
    ("point_requests", "result"): "numbers",
    ("billing_items", "parked_reason"): "only of what is parked",
    ("outgoing_mails", "message_id"): "drawn at random",
}
#: Values that a table's own rules ask for in rows that are made for it.
GIVEN: Mapping[tuple[str, str], Any] = {
    ("audit_events", "action"): "account.updated",
    ("audit_events", "details"): {"company_name": ""},
    ("approval_requests", "state"): "rejected",
    ("approval_requests", "decided_at"): dt.datetime(2026, 11, 19, tzinfo=dt.UTC),
    ("approval_requests", "account_ids"): [],
    ("approval_requests", "asked_amounts"): [1],
    ("four_eyes_rules", "threshold_points"): 1_000_000_000,
    ("bounce_lifts", "lifted_at"): dt.datetime(2026, 11, 19, tzinfo=dt.UTC),
    ("outgoing_mails", "kind"): "delivery_notice",
    ("outgoing_mails", "state"): "bounced",
    ("billing_rehearsals", "billing_date"): dt.date(2026, 10, 25),
    ("one_time_links", "expires_at"): dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
    ("sign_ins", "ended_at"): dt.datetime(2026, 11, 19, tzinfo=dt.UTC),
}
