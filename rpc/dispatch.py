"""From a decoded JSON-RPC request to its answer: registry of methods, typed parameters, batches, limits.

A namespace is an object whose methods carry `@method("eth_getBalance")`. Their parameters are annotated with the
aliases of `rpc.codec`; one with a default may be left out or null, `X | None` is optional with None.
A method marked `heavy` is a plain function that runs on a worker thread.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

from rpc import errors
from rpc.codec import Decoder
from rpc.errors import InvalidParams, LimitExceeded, MethodNotFound, RpcError, TimedOut
from rpc.json_input import parse_json
from rpc.limits import ServerLimits
from rpc.workers import Workers

log = logging.getLogger("verdict.rpc")
F = TypeVar("F", bound=Callable[..., Any])


class Connection(Protocol):
    """What a subscribing method may use of the connection that calls it."""

    def open_subscription(self, source: Callable[[Notify], Awaitable[None]]) -> str: ...
    def close_subscription(self, subscription: str) -> bool: ...


Notify = Callable[[Any], None]


def method(name: str, *, heavy: bool = False) -> Callable[[F], F]:
    """Publishes a namespace's method under `name`."""

    def mark(function: F) -> F:
        function.__rpc__ = (name, heavy)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    decode: Callable[[Any], Any]
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class _Method:
    name: str
    function: Callable[..., Any]
    parameters: tuple[_Parameter, ...]
    heavy: bool
    wants_connection: bool

    def arguments(self, params: Any) -> list[Any]:
        if params is None:
            params = []
        if not isinstance(params, list):
            raise InvalidParams("non-array args")
        if len(params) > len(self.parameters):
            raise InvalidParams(f"too many arguments, want at most {len(self.parameters)}")
        arguments = []
        for index, parameter in enumerate(self.parameters):
            value = params[index] if index < len(params) else None
            if value is None:
                if parameter.required:
                    raise InvalidParams(f"missing value for required argument {index} ({parameter.name})")
                arguments.append(parameter.default)
                continue
            try:
                arguments.append(parameter.decode(value))
            except InvalidParams as error:
                raise InvalidParams(f"invalid argument {index} ({parameter.name}): {error.message}") from None
        return arguments


def _decoder(name: str, hint: Any) -> Callable[[Any], Any]:
    candidates = [hint, *(get_args(hint) if get_origin(hint) is not Annotated else ())]
    for candidate in candidates:
        if get_origin(candidate) is Annotated:
            for extra in candidate.__metadata__:
                if isinstance(extra, Decoder):
                    return extra.decode
    raise TypeError(f"parameter {name} has no Decoder in its annotation")


def _inspect(name: str, function: Callable[..., Any], heavy: bool) -> _Method:
    hints = get_type_hints(function, include_extras=True)
    parameters = []
    wants_connection = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "connection":
            wants_connection = True
            continue
        required = parameter.default is inspect.Parameter.empty
        camel = parameter.name.split("_")[0] + "".join(w.title() for w in parameter.name.split("_")[1:])
        parameters.append(
            _Parameter(
                camel,
                _decoder(parameter.name, hints[parameter.name]),
                required,
                None if required else parameter.default,
            )
        )
    if heavy and inspect.iscoroutinefunction(function):
        raise TypeError(f"{name}: a heavy method is a plain function")
    return _Method(name, function, tuple(parameters), heavy, wants_connection)


class Dispatcher:
    """Holds the methods and answers requests. Belongs to one event loop."""

    def __init__(self, limits: ServerLimits | None = None, *, stoppable: Iterable[str] = ()) -> None:
        """`stoppable`: see `rpc.workers.Workers`."""
        self.limits = limits or ServerLimits()
        self._methods: dict[str, _Method] = {}
        self._workers = Workers(self.limits.workers, self.limits.worker_queue, stoppable)
        self._closers: list[Callable[[], None]] = []
        self._under_way = 0

    def register(self, *namespaces: object) -> None:
        """Adds every `@method` of these objects; one that is already there is replaced."""
        for namespace in namespaces:
            for attribute in dir(type(namespace)):
                marked = getattr(getattr(type(namespace), attribute), "__rpc__", None)
                if marked is not None:
                    name, heavy = marked
                    self._methods[name] = _inspect(name, getattr(namespace, attribute), heavy)

    def register_function(self, name: str, function: Callable[..., Any], *, heavy: bool = False) -> None:
        self._methods[name] = _inspect(name, function, heavy)

    @property
    def methods(self) -> frozenset[str]:
        return frozenset(self._methods)

    def on_close(self, closer: Callable[[], None]) -> None:
        self._closers.append(closer)

    def close(self) -> None:
        """Idempotent. Calls under way on worker threads end by themselves or by their time limit."""
        while self._closers:
            self._closers.pop()()
        self._workers.close()

    async def call(self, name: str, params: Any = None, connection: Connection | None = None) -> Any:
        """The result of one method. Raises RpcError, nothing else."""
        found = self._methods.get(name)
        if found is None or (found.wants_connection and connection is None):
            if found is not None:
                raise RpcError(errors.METHOD_NOT_FOUND, "notifications not supported")
            raise MethodNotFound(name[:100])
        arguments = found.arguments(params)
        keywords = {"connection": connection} if found.wants_connection else {}
        if self._under_way >= self.limits.max_calls:
            raise LimitExceeded("the server is busy, try again later")
        self._under_way += 1
        try:
            if found.heavy:
                return await self._workers.run(lambda: found.function(*arguments), self.limits.call_timeout)
            result = found.function(*arguments, **keywords)
            if inspect.isawaitable(result):
                async with asyncio.timeout(self.limits.call_timeout):
                    return await result
            return result
        except RpcError:
            raise
        except TimeoutError:
            raise TimedOut() from None
        except Exception as error:
            log.exception("%s failed", name)
            raise RpcError(errors.INTERNAL_ERROR, f"internal error: {type(error).__name__}") from error
        finally:
            self._under_way -= 1

    async def answer(self, body: str | bytes, connection: Connection | None = None) -> str | None:
        """The response text to one HTTP body or WebSocket message; None if it holds only notifications."""
        try:
            request = parse_json(body, self.limits)
        except RpcError as error:
            return _failure(None, error)
        if not isinstance(request, list):
            return await self._answer_one(request, connection)
        if not request:
            return _failure(None, RpcError(errors.INVALID_REQUEST, "empty batch"))
        if len(request) > self.limits.max_batch:
            return _failure(None, RpcError(errors.INVALID_REQUEST, "batch too large"))
        return await self._answer_batch(request, connection)

    async def _answer_batch(self, requests: list[Any], connection: Connection | None) -> str | None:
        """One after the other, as order matters for transactions; bounded in time and size as a whole."""
        deadline = asyncio.get_running_loop().time() + self.limits.batch_timeout
        size = 0
        answers: list[str] = []
        for request in requests:
            await asyncio.sleep(0)  # others want to be served in between
            if asyncio.get_running_loop().time() > deadline:
                answer = _refusal(request, TimedOut())
            elif size > self.limits.max_response:
                answer = _refusal(request, RpcError(errors.RESPONSE_TOO_LARGE, "response too large"))
            else:
                answer = await self._answer_one(request, connection)
            if answer is not None:
                size += len(answer)
                answers.append(answer)
        return f"[{','.join(answers)}]" if answers else None

    async def _answer_one(self, request: Any, connection: Connection | None) -> str | None:
        problem = _invalid_request(request)
        if problem is not None:
            return _refusal(request, RpcError(errors.INVALID_REQUEST, problem))
        try:
            result = await self.call(request["method"], request.get("params"), connection)
            if "id" not in request:
                return None
            text = f'{{"jsonrpc":"2.0","id":{json.dumps(request["id"])},"result":{_dump(result)}}}'
            if len(text) > self.limits.max_response:
                raise RpcError(errors.RESPONSE_TOO_LARGE, "response too large")
            return text
        except RpcError as error:
            return _failure(request["id"], error) if "id" in request else None


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _failure(request_id: Any, error: RpcError) -> str:
    return _dump({"jsonrpc": "2.0", "id": request_id, "error": error.to_json()})


def _refusal(request: Any, error: RpcError) -> str | None:
    """The error answer to a request that isn't looked into; a valid notification gets none."""
    if _invalid_request(request) is None and "id" not in request:
        return None
    request_id = request.get("id") if isinstance(request, dict) else None
    return _failure(request_id if _valid_id(request_id) else None, error)


def _valid_id(value: Any) -> bool:
    return value is None or (isinstance(value, (str, int, float)) and not isinstance(value, bool))


def _invalid_request(request: Any) -> str | None:
    if not isinstance(request, dict):
        return "invalid request"
    if request.get("jsonrpc") != "2.0":
        return 'invalid request: "jsonrpc" must be "2.0"'
    if not isinstance(request.get("method"), str):
        return 'invalid request: "method" must be a string'
    if not _valid_id(request.get("id")):
        return 'invalid request: "id" must be a string or a number'
    return None
