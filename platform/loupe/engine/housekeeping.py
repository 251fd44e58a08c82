"""What the engine says of itself and its models: health, metadata, residency, statistics."""

import asyncio
from importlib.metadata import version as installed_version
from typing import Any

from loupe.contract.runtime.errors import TemporarilyUnavailable
from loupe.engine import fields, gpus, metrics, repository
from loupe.engine.core import Engine
from loupe.engine.errors import NotFound
from loupe.engine.http import Connection, HttpAnswer, HttpRequest
from loupe.engine.memory import resident_bytes
from loupe.engine.routes import Routes
from loupe.engine.slabs import SlabStore
from loupe.engine.statistics import Statistics, model_key
from loupe.engine.work import Deadline, WorkQueue, within

EXTENSIONS = ("binary_tensor_data", "model_repository", "shared_memory", "statistics")


class Housekeeping:
    """Handlers that move no tensors."""

    def __init__(
        self, engine: Engine, slabs: SlabStore, queue: WorkQueue, statistics: Statistics
    ) -> None:
        self.engine = engine
        self.slabs = slabs
        self.queue = queue
        self.statistics = statistics
        self.ready = False

    def add_to(self, routes: Routes) -> None:
        """Take over their paths."""
        routes.add("GET", "/v2/health/live", self.live)
        routes.add("GET", "/v2/health/ready", self.health)
        routes.add("GET", "/v2", self.server)
        model = "/v2/models/{name}/versions/{version}"
        routes.add("GET", model, self.model)
        routes.add("GET", model + "/ready", self.model_ready)
        routes.add("GET", model + "/stats", self.model_statistics)
        routes.add("POST", "/v2/repository/index", self.index)
        routes.add("POST", "/v2/repository/models/{name}/load", self.load)
        routes.add("POST", "/v2/repository/models/{name}/unload", self.unload)
        routes.add("GET", "/v2/loupe/statistics", self.figures)
        routes.add("GET", "/metrics", self.prometheus)

    async def live(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """The process answers."""
        return HttpAnswer(document={"live": True})

    async def health(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Sandboxes are warm and services restored."""
        if not self.ready:
            raise TemporarilyUnavailable("The engine is warming up or stopping.", code="not_ready")
        return HttpAnswer(document={"ready": True})

    async def server(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Server metadata."""
        return HttpAnswer(
            document={
                "name": "loupe",
                "version": installed_version("loupe"),
                "extensions": list(EXTENSIONS),
            }
        )

    async def model(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """Model metadata, from the manifest."""
        folder = repository.artefact_folder(
            self.engine.options.models, name, fields.number(version)
        )
        manifest = await asyncio.to_thread(repository.read_manifest, folder)
        signature = await asyncio.to_thread(self.engine.signature, name, manifest)
        document = {
            "name": name,
            "versions": [version],
            "platform": f"loupe_{manifest.get('format', 'unknown')}",
            "inputs": [one.described() for one in signature.inputs],
            "outputs": [one.described() for one in signature.outputs],
            "parameters": {"artefact_sha256": repository.artefact_sha256(manifest)},
        }
        return HttpAnswer(document=document)

    async def model_ready(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """Whether a version is resident."""
        state = self.engine.residency.states().get((name, fields.number(version)))
        if state is None or state[0] != "READY":
            raise NotFound(f"{name} version {version} is not resident.", code="model_not_resident")
        return HttpAnswer(document={"name": name, "ready": True})

    async def model_statistics(
        self, connection: Connection, request: HttpRequest, name: str, version: str
    ) -> HttpAnswer:
        """The protocol's statistics of a version."""
        number = fields.number(version)
        stats = self.statistics.model(model_key(name, number), name, number)
        return HttpAnswer(document={"model_stats": [stats]})

    async def index(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Every artefact in the repository with its state."""
        root = self.engine.options.models
        states = self.engine.residency.states()
        found = await asyncio.to_thread(lambda: list(repository.installed(root)))
        rows = []
        for name, version, _ in found:
            state, reason = states.get((name, version), ("UNAVAILABLE", "not loaded"))
            rows.append({"name": name, "version": str(version), "state": state, "reason": reason})
        return HttpAnswer(document=rows)

    async def load(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Make a version resident."""
        version = fields.whole(fields.mapping(request.document(), "parameters"), "version")
        self.engine.residency.forget_failure(name, version)
        await within(Deadline(), self.engine.residency.ready(name, version), shared=True)
        return HttpAnswer(document={})

    async def unload(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Drop a version, or all of a model."""
        parameters = fields.mapping(request.document(), "parameters")
        version = fields.whole(parameters, "version") if "version" in parameters else None
        await asyncio.to_thread(self.engine.residency.unload, name, version)
        return HttpAnswer(document={})

    async def figures(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """Queue, residents, slabs, services, counts and latencies of this moment."""
        return HttpAnswer(document=await asyncio.to_thread(self._figures))

    async def prometheus(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """The same in Prometheus' text format, under the names Triton has for them."""
        raw = await asyncio.to_thread(lambda: metrics.text(self._figures()))
        return HttpAnswer(raw=raw, media_type=metrics.MEDIA_TYPE)

    def _figures(self) -> dict[str, Any]:
        residents = [
            {
                "name": resident.key[0],
                "version": resident.key[1],
                "bytes": resident.nbytes,
                "device": resident.device,
                "in_use": resident.pins,
                "artefact_sha256": resident.artefact_sha256,
            }
            for resident in self.engine.residency.resident()
        ]
        services = {
            slug: {
                "requests": service.sequence,
                "repeated": service.repeated,
                "freshness": service.freshness_ms(),
                "state": service.figures(),
            }
            for slug, service in self.engine.services.items()
        }
        latest = self.statistics.lanes()
        return {
            "ready": self.ready,
            "since": self.statistics.since,
            "memory_bytes": resident_bytes(),
            "memory_budget_bytes": self.engine.options.memory_bytes,
            "queue": self.queue.depth(),
            "slabs": self.slabs.usage(),
            "devices": self.engine.allocator.figures(),
            "models": residents,
            "services": services,
            "calls": self.statistics.summary(),
            "errors": dict(self.statistics.refused),
            "lanes": {
                lane: {**figures, **latest[lane]} for lane, figures in self.queue.lanes().items()
            },
            "gpus": gpus.figures(),
        }
