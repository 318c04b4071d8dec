"""The error tree, by what the operator must do.

* BusError
  * Rejected          the sender must mend it; never retry as it is
    * NotWellFormed   the bytes are no acceptable XML
    * LimitExceeded   larger, deeper or more than a limit
    * SignatureRejected
    * NotAuthorised   the caller is not who the message says
    * SchemaRejected  schema or rules; carries every problem
    * Conflict        the same identifier with other content
    * RoutesRefused   a routing table with every reason
    * ProtocolRejected  SOAP or HTTP misuse
    * NotFound
    * DeliveryRefused the receiver refused for good
  * Postponed         try again later
    * PeerUnavailable
    * PeerBusy
    * StoreUnavailable
    * ServiceBusy
  * Misconfigured     stop and mend the configuration
  * Defect            our bug: alert
"""

from __future__ import annotations

from collections.abc import Sequence

from bus.error_catalogue import CATALOGUE, Entry
from bus.model import Problem, Severity

#: Longest detail of an error, characters: it may repeat what a stranger sent, and it goes into
#: faults, logs and the audit.
LONGEST_DETAIL = 1000


class BusError(Exception):
    """The base of every error the bus raises.

    `code` is stable and stands in the catalogue; `stage` is the journey step or
    part that speaks; `path`, `line` and `column` point into the sender's document.
    """

    code: str = "BUG-001"
    stage: str = ""
    retryable: bool = False
    #: Whether an audit row tells of it, so that each refusal is recorded once.
    recorded: bool = False

    def __init__(  # noqa: PLR0913 - facts of an error are fields, each optional
        self,
        detail: str = "",
        *,
        code: str | None = None,
        stage: str | None = None,
        path: str = "",
        line: int = 0,
        column: int = 0,
        problems: Sequence[Problem] = (),
        retry_after_s: float | None = None,
        correlation_id: str = "",
    ) -> None:
        self.code = code or self.code
        self.stage = stage or self.stage
        self.detail = (
            detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 1]}…"
        )
        self.path = path
        self.line = line
        self.column = column
        self.problems = tuple(problems)
        self.retry_after_s = retry_after_s
        self.correlation_id = correlation_id
        super().__init__(self.message)

    @property
    def entry(self) -> Entry:
        """The catalogue's words for this code."""
        return CATALOGUE[self.code]

    @property
    def message(self) -> str:
        """One English sentence, with the detail of this case behind it."""
        return f"{self.entry.message} {self.detail}".strip()

    @property
    def message_vi(self) -> str:
        """The same in Vietnamese."""
        return f"{self.entry.message_vi} {self.detail}".strip()


class Rejected(BusError):
    """The sender must mend the message; it is never retried as it is."""

    code = "DOC-001"


class NotWellFormed(Rejected):
    """The bytes are no acceptable XML."""

    code = "XML-001"
    stage = "receive"


class LimitExceeded(Rejected):
    """The message is larger, deeper or fuller than a limit."""

    code = "RCV-001"
    stage = "receive"


class SignatureRejected(Rejected):
    """The proof of origin does not hold."""

    code = "SIG-001"
    stage = "verify"


class NotAuthorised(Rejected):
    """The caller is not who the message says, or may not do this."""

    code = "AUT-001"
    stage = "verify"


class SchemaRejected(Rejected):
    """The document breaks its schema or the rules; `problems` lists every violation."""

    code = "DOC-001"
    stage = "check"


class Conflict(Rejected):
    """The same identifier was used for other content."""

    code = "DUP-001"
    stage = "store"


class RoutesRefused(Rejected):
    """A routing table is refused; `problems` lists every reason."""

    code = "RTE-004"
    stage = "routes"


class ProtocolRejected(Rejected):
    """The request misuses SOAP or HTTP."""

    code = "SVC-001"
    stage = "service"


class NotFound(Rejected):
    """What was asked for does not exist."""

    code = "STO-003"
    stage = "store"


class DeliveryRefused(Rejected):
    """The receiver refused the message for good."""

    code = "DLV-004"
    stage = "deliver"


class Postponed(BusError):
    """Nothing is wrong with the message; the same call later may succeed."""

    code = "STO-001"
    retryable = True


class PeerUnavailable(Postponed):
    """The receiver cannot be reached or answers garbage."""

    code = "DLV-001"
    stage = "deliver"


class PeerBusy(Postponed):
    """The receiver asked to come back later."""

    code = "DLV-002"
    stage = "deliver"


class StoreUnavailable(Postponed):
    """The store could not commit; nothing was written."""

    code = "STO-001"
    stage = "store"


class ServiceBusy(Postponed):
    """The service has no room for another request now."""

    code = "SVC-007"
    stage = "service"


class Misconfigured(BusError):
    """The process must stop until its configuration is mended."""

    code = "CFG-001"
    stage = "configuration"


class Defect(BusError):
    """A bug of the bus."""

    code = "BUG-001"
    stage = "bus"


def as_problem(error: BusError) -> Problem:
    """The error as one problem of a report."""
    return Problem(
        rule=error.code,
        severity=Severity.REJECT,
        path=error.path,
        line=error.line,
        column=error.column,
        message=error.message,
        message_vi=error.message_vi,
        hint=error.entry.hint,
        hint_vi=error.entry.hint_vi,
    )
