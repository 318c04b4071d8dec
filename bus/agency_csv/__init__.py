"""The agency list as CSV: what an operator edits in a spreadsheet, checked as a whole.

UTF-8 with or without BOM, comma or semicolon (what Vietnamese Excel writes) as told by
the header row. Columns may stand in any order; only `code` and `name` must be there:

`code name parent state qd20 qcvn102 old tax policy require_document_signature
allow_legacy legacy_until token_sha256 dialect channel address options speaks_for`

Several codes in one cell are separated by blanks or `|`. `options` is `key=value;key=value`
with `%`, `;` and `=` inside a value written `%25`, `%3B`, `%3D`.
"""

from bus.agency_csv.columns import COLUMNS
from bus.agency_csv.reading import parse
from bus.agency_csv.writing import write

__all__ = ["COLUMNS", "parse", "write"]
