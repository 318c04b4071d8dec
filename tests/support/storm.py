"""A process that stores as fast as it can and says on stdout what was acknowledged.

Run with the folder of the database and the number of the first document.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from support.store_builders import new_message, query_of

from bus.config import StoreSettings
from bus.db import Database, open_database

THREADS = 8


def settings_in(folder: Path) -> StoreSettings:
    return StoreSettings(
        url=f"sqlite:///{folder}/bus.sqlite3", bodies=folder / "bodies", inline_bytes=4000
    )


def send(database: Database, numbers: itertools.count[int]) -> None:
    for number in numbers:
        # Every third body is a file.
        body = f"body {number} ".encode() * (1000 if number % 3 == 0 else 100)
        message = new_message("R1", "R2", document_id=f"d{number}", body=body, content=str(number))
        if database.store.accept(message, query_of(message)):
            # One write call: lines of threads do not mix, and nothing waits in a buffer.
            os.write(1, f"{number} {message.message_id}\n".encode())


def main() -> None:
    database = open_database(settings_in(Path(sys.argv[1])))
    numbers = itertools.count(int(sys.argv[2]))
    for _ in range(THREADS):
        threading.Thread(target=send, args=(database, numbers)).start()


if __name__ == "__main__":
    main()
