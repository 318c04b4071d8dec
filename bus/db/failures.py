"""The border to the database: what it raises becomes an error of the bus."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from bus.errors import BusError, Defect, StoreUnavailable

#: Primary result codes of SQLite (sqlite.org/rescode.html) that an operator can cure.
_CURABLE = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)

#: Codes with which SQLite ends a statement or a commit before its last page is in the log. After
#: an I/O error nobody knows: the commit may be on the disk although it was reported as failed.
_UNDONE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
    }
)


@contextmanager
def mapped() -> Iterator[None]:
    """Let nothing foreign out of the store.

    Raises StoreUnavailable STO-001 for what time or an operator cures (locked, full disk, I/O)
    and Defect for everything else; neither repeats SQL or stored values.
    """
    try:
        yield
    except exc.StatementError as error:
        raise _translate(error.orig) from error
    except sqlite3.Error as error:
        raise _translate(error) from error
    except exc.TimeoutError as error:
        raise StoreUnavailable("every connection to the store is in use") from error
    except exc.SQLAlchemyError as error:
        raise Defect(f"store: {type(error).__name__}") from error
    except OSError as error:
        raise StoreUnavailable(error.strerror or type(error).__name__) from error


def nothing_written(error: BaseException) -> bool:
    """Whether an error of the store proves that its transaction left nothing behind."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF in _UNDONE
    return isinstance(cause, Exception)


def _translate(cause: BaseException | None) -> BusError:
    if isinstance(cause, BusError):
        return cause
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _CURABLE:
        return StoreUnavailable(str(cause))
    return Defect(f"store: {type(cause).__name__}: {cause}")
