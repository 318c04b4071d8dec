"""The topic table: parse, check, compile, match, explain; pure."""

from bus.routing.check import check
from bus.routing.compiled import Builder, CompiledRoutes, compile_rows
from bus.routing.explain import Change, Step, dry_run, explain, naive_decide
from bus.routing.row import Action, Row, from_dict, to_dict, to_dicts
from bus.routing.table import Table, parse, to_toml

__all__ = [
    "Action",
    "Builder",
    "Change",
    "CompiledRoutes",
    "Row",
    "Step",
    "Table",
    "check",
    "compile_rows",
    "dry_run",
    "explain",
    "from_dict",
    "naive_decide",
    "parse",
    "to_dict",
    "to_dicts",
    "to_toml",
]
