"""What the public port answers: the standard's paths over the engine's own handlers."""

import asyncio
from collections.abc import Awaitable, Callable

from loupe.contract.runtime.errors import ModelRefused
from loupe.engine import fields, repository
from loupe.engine.errors import RequestRefused
from loupe.engine.handlers import Handlers
from loupe.engine.http import Connection, HttpAnswer, HttpRequest
from loupe.engine.public.regions import Regions
from loupe.engine.public.translation import inward, outward, without_regions
from loupe.engine.routes import Routes
from loupe.engine.statistics import model_key

RegionsOf = Callable[[Connection], Regions | None]
"""The regions a connection may use; None: it may use none."""


class PublicFace:
    """Answers the requests of the public port. The token has been looked at before."""

    def __init__(self, handlers: Handlers, regions: RegionsOf) -> None:
        self._handlers = handlers
        self._regions = regions
        self._routes = routes = Routes()
        inner = handlers.housekeeping
        for path, answer in (
            ("/v2/health/live", inner.live),
            ("/v2/health/ready", inner.health),
            ("/v2", inner.server),
            ("/metrics", inner.prometheus),
            ("/v2/models/stats", self.all_statistics),
        ):
            routes.add("GET", path, answer)
        for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
            routes.add("GET", path, self.model)
            routes.add("GET", path + "/ready", self.model_ready)
            routes.add("GET", path + "/config", self.config)
            routes.add("GET", path + "/stats", self.model_statistics)
            routes.add("POST", path + "/infer", self.infer)
        routes.add("POST", "/v2/repository/index", inner.index)
        routes.add("POST", "/v2/repository/models/{name}/load", self.load)
        routes.add("POST", "/v2/repository/models/{name}/unload", self.unload)
        memory = "/v2/systemsharedmemory"
        for path in (memory, memory + "/region/{region}"):
            routes.add("GET", path + "/status", self.status)
            routes.add("POST", path + "/unregister", self.unregister)
        routes.add("POST", memory + "/region/{region}/register", self.register)

    def answer(self, connection: Connection, request: HttpRequest) -> Awaitable[HttpAnswer]:
        """Answer one request of a connection."""
        return self._routes.dispatch(connection, request)

    async def infer(
        self, connection: Connection, request: HttpRequest, name: str, version: str = ""
    ) -> HttpAnswer:
        """One request to a model; without a version, to the highest one."""
        number = await self._version(name, version)
        inner, wanted = inward(request, self._regions(connection))
        answer = await self._handlers.infer(connection, inner, name, number)
        return outward(answer, wanted, self._regions(connection))

    async def model(
        self, connection: Connection, request: HttpRequest, name: str, version: str = ""
    ) -> HttpAnswer:
        """A model's tensors and, without a version, all of its versions."""
        number = await self._version(name, version)
        answer = await self._handlers.housekeeping.model(connection, request, name, number)
        if not version:
            answer.document["versions"] = [str(one) for one in await self._versions(name)]
        return answer

    async def config(
        self, connection: Connection, request: HttpRequest, name: str, version: str = ""
    ) -> HttpAnswer:
        """A model's configuration, as far as clients ask for it."""
        answer = await self.model(connection, request, name, version)
        told = answer.document
        return HttpAnswer(
            document={
                "name": name,
                "platform": told["platform"],
                "backend": "loupe",
                "max_batch_size": 0,
                "input": [_configured(one) for one in told["inputs"]],
                "output": [_configured(one) for one in told["outputs"]],
                "version_policy": {"latest": {"num_versions": 1}},
            }
        )

    async def model_ready(
        self, connection: Connection, request: HttpRequest, name: str, version: str = ""
    ) -> HttpAnswer:
        """Whether a version is resident."""
        number = await self._version(name, version)
        return await self._handlers.housekeeping.model_ready(connection, request, name, number)

    async def model_statistics(
        self, connection: Connection, request: HttpRequest, name: str, version: str = ""
    ) -> HttpAnswer:
        """The statistics of one version, or of all of a model's."""
        numbers = [fields.number(version)] if version else await self._versions(name)
        return self._statistics([(name, number) for number in numbers])

    async def all_statistics(self, connection: Connection, request: HttpRequest) -> HttpAnswer:
        """The statistics of every version in the repository."""
        return self._statistics(await self._installed())

    def _statistics(self, versions: list[tuple[str, int]]) -> HttpAnswer:
        known = self._handlers.statistics
        stats = [known.model(model_key(name, number), name, number) for name, number in versions]
        return HttpAnswer(document={"model_stats": stats})

    async def load(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Make the highest version resident, or the one that the parameter ``version`` names."""
        parameters = fields.mapping(request.document(), "parameters")
        if set(parameters) - {"version"}:
            raise RequestRefused(
                "A model comes from the repository alone; configurations and files sent along "
                f"({', '.join(sorted(parameters))}) are not taken."
            )
        residency = self._handlers.engine.residency
        number = int(await self._version(name, str(parameters.get("version", ""))))
        residency.forget_failure(name, number)
        await asyncio.wrap_future(residency.ready(name, number))
        return HttpAnswer(document={})

    async def unload(self, connection: Connection, request: HttpRequest, name: str) -> HttpAnswer:
        """Drop all versions of a model."""
        await self._versions(name)
        await asyncio.to_thread(self._handlers.engine.residency.unload, name, None)
        return HttpAnswer(document={})

    async def status(
        self, connection: Connection, request: HttpRequest, region: str | None = None
    ) -> HttpAnswer:
        """The registered regions."""
        return HttpAnswer(document=self._shared(connection).status(region))

    async def register(
        self, connection: Connection, request: HttpRequest, region: str
    ) -> HttpAnswer:
        """Register a region of the client's shared memory."""
        document = request.document()
        offset = document.get("offset", 0)
        if type(offset) is not int or not 0 <= offset < 2**48:
            raise RequestRefused(f"offset={offset!r} must be bytes from 0 up.")
        key, nbytes = fields.text(document, "key"), fields.whole(document, "byte_size")
        self._shared(connection).register(region, key, offset, nbytes)
        return HttpAnswer(document={})

    async def unregister(
        self, connection: Connection, request: HttpRequest, region: str | None = None
    ) -> HttpAnswer:
        """Close one region or all."""
        self._shared(connection).unregister(region)
        return HttpAnswer(document={})

    def _shared(self, connection: Connection) -> Regions:
        regions = self._regions(connection)
        if regions is None:
            raise without_regions()
        return regions

    async def _installed(self) -> list[tuple[str, int]]:
        root = self._handlers.engine.options.models
        found = await asyncio.to_thread(lambda: list(repository.installed(root)))
        return [(name, number) for name, number, _ in found]

    async def _versions(self, name: str) -> list[int]:
        """All versions of a model in the repository.

        Raises:
            ModelRefused: there is none.
        """
        numbers = sorted(number for known, number in await self._installed() if known == name)
        if not numbers:
            raise ModelRefused(
                f"There is no model {name!r}; /v2/repository/index lists those there are.",
                code="model_unknown",
            )
        return numbers

    async def _version(self, name: str, version: str) -> str:
        """The version asked for; the highest one if none is."""
        return str(fields.number(version) if version else (await self._versions(name))[-1])


def _configured(tensor: dict[str, object]) -> dict[str, object]:
    """A tensor's metadata in the words of a configuration."""
    return {
        "name": tensor["name"],
        "data_type": f"TYPE_{tensor['datatype']}",
        "dims": tensor["shape"],
    }
