"""The composition root: settings in, a bus of concrete parts out; nothing else builds them."""

from __future__ import annotations

import socket
import threading
import uuid

from bus import cpus, logs, pipeline, registry
from bus.clock import SystemClock
from bus.config import Settings
from bus.db import Database, open_database
from bus.db.sweeper import Sweeper
from bus.edoc import DIALECT as EDOC_DIALECT
from bus.edoc import EdocHub
from bus.endpoints import ExchangeApplication, exchange_application
from bus.endpoints.edoc import EdocApplication, edoc_application
from bus.exchange import Exchange
from bus.journey.parts import Parts
from bus.model import Delivery, DeliveryRecord
from bus.reload import RoutesFileWatcher, RoutesHolder
from bus.rerouting import Rerouter
from bus.trust.keyring import Keyring
from bus.trust.keys import load_own_key
from bus.trust.replay import PresentedCalls
from bus.trust.signer import BusSigner
from bus.web.composition import compose
from bus.web.health import Health
from bus.web.intake import Intake
from bus.web.metrics import Metrics
from bus.web.refusals import refuse_by_path
from bus.web.server import WebServer
from bus.web.terminator import BehindTerminators
from bus.worker import Worker

#: The dialect in which the bus writes canonical documents.
CANONICAL_DIALECT = "qcvn102_java"
EXCHANGE_PATH = "/services/exchange"
EDOC_PATH = "/services/eDoc"
LOG = logs.get("app")


def build(settings: Settings) -> App:
    """Open the store and put a bus together; Raises Misconfigured for anything not in order."""
    return App(settings, open_database(settings.store))


class App:
    """One bus in one process: web threads, workers, one writer."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.clock = SystemClock()
        self.node = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        self.metrics = Metrics()
        self.cpus = cpus.choose() if settings.server.share_cpu else cpus.UNTOUCHED
        own = load_own_key(settings.trust.key_file, settings.trust.certificate_file)
        self.signer = BusSigner(own, self.clock)
        self.keyring = Keyring(
            database.directory, self.clock, settings.trust, bindings=database.directory.bindings
        )
        self.routes = RoutesHolder(
            database.routes,
            database.directory,
            settings.routing,
            node=self.node,
            clock=self.clock,
            on_switch=self._switched,
        )
        self.parts = self._parts()
        self.rerouter = self._rerouter()
        self.sweeper = Sweeper(database, self.clock.now)
        self.worker = Worker(self.parts, settings.delivery, node=self.node, dispatch=self._dispatch)
        database.store.on_new_work = self.worker.wake
        self.watcher = RoutesFileWatcher(settings.routing)
        self.exchange = self._exchange()
        services = {EXCHANGE_PATH: self._service(), EDOC_PATH: self._edoc_service()}
        self.wsgi = compose(
            services,
            health=Health(self.parts, settings),
            metrics=self.metrics,
        )
        self.intake = Intake(
            self.wsgi,
            settings.server,
            settings.limits,
            refuse=refuse_by_path({path: one.refuse for path, one in services.items()}),
        )
        self.metrics.watch("requests_open", "Requests now open.", lambda: self.intake.open_requests)
        self.door = BehindTerminators(self.intake, settings.server)
        self.server = WebServer(self.door, settings.server)
        self._stopped = threading.Event()

    def start(self) -> tuple[str, int]:
        """Load the routes, start workers and the server; gives host and port."""
        self.sweeper.start()
        self.routes.load_now()
        self.routes.start()
        self.watcher.start()
        with self.cpus.sharing():
            self.rerouter.start()
            self.worker.start()
            host, port = self.server.start()
        LOG.info("serving", host=host, port=port, routes=self.routes.current().version)
        return host, port

    def stop(self) -> None:
        """Stop taking requests, finish or hand back what is in work, close the store; idempotent."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.server.stop()
        self.intake.close()
        self.watcher.stop()
        self.routes.stop()
        self.rerouter.stop()
        self.sweeper.stop()
        self.worker.stop(self.settings.delivery.timeout_s)
        self.database.close()

    def _parts(self) -> Parts:
        database, settings = self.database, self.settings
        return Parts(
            limits=settings.limits,
            verifier=self.keyring,
            directory=database.directory,
            dialects=registry.dialects(settings.limits),
            channels=registry.channels(settings.delivery, self.signer),
            routes=self.routes,
            store=database.store,
            signer=self.signer,
            schedule=settings.delivery,
            clock=self.clock,
        )

    def _exchange(self) -> Exchange:
        presented = PresentedCalls(self.clock, self.settings.trust)
        told = "Signed calls that would be refused if they came again."
        self.metrics.watch("signed_calls_remembered", told, lambda: len(presented))
        return Exchange(
            self.parts,
            self.database.directory,
            self.metrics,
            canonical_dialect=CANONICAL_DIALECT,
            presented=presented,
        )

    def _rerouter(self) -> Rerouter:
        return Rerouter(
            self.database.store,
            self.database.directory,
            self.routes,
            tell=lambda ended: pipeline.tell(ended, self.parts),
            directory_version=self.database.directory.version,
            poll_s=self.settings.routing.poll_s,
        )

    def _service(self) -> ExchangeApplication:
        return exchange_application(
            self.exchange,
            authenticate=self.keyring.authenticate,
            seal=self.signer.seal,
            limits=self.settings.limits,
            clock=self.clock,
            public_url=self.settings.server.public_url,
        )

    def _edoc_service(self) -> EdocApplication:
        dialect = self.parts.dialects.get(EDOC_DIALECT)
        return edoc_application(
            EdocHub(self.exchange, self.database.store, dialect),
            self.exchange,
            authenticate=self.keyring.authenticate,
            limits=self.settings.limits,
            clock=self.clock,
            public_url=self.settings.server.public_url,
        )

    def _switched(self, version: int) -> None:
        self.rerouter.wake(version)

    def _dispatch(self, delivery: Delivery, lease: str, parts: Parts) -> DeliveryRecord:
        record = pipeline.dispatch(delivery, lease, parts)
        self.metrics.delivered(record.state.value)
        return record
