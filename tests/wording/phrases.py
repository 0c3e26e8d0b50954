"""A model with something of everything that is said in words."""

from __future__ import annotations

MODEL = """
name = "phrases"
[tokens]
threshold = 65
share = 0.5
prefix = "Ask:"
team = ["ann", "ben"]
region = ["DE", "FR", "NL", "US"]
[guards]
fits = "demographic_score >= 20"
[fields]
contract_until = { type = "datetime | None" }
budget = { type = "float | None", label = "yearly budget" }
glad = { type = "int", min = 0 }
[[stages]]
name = "new"
[[stages]]
name = "mql"
[[stages]]
name = "won"
title = "Customer"
[[sort]]
name = "all"
when = "otherwise"
to = "mql"
[[moves]]
name = "bought"
from = "mql"
to = "won"
when = "won_opportunities >= 1"
"""
