"""What stands around a call of the Model Context Protocol: JSON-RPC, and the versions of the protocol.

Up to 2025-11-25 a client says hello first (`initialize`), and names the version in a header from then on. From
2026-07-28 on each request stands for itself: its `_meta` names version and client, and headers repeat what a proxy may
want to know.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HANDSHAKE_VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")  # those that speak streamable HTTP
STATELESS_VERSIONS = ("2026-07-28",)
ASSUMED_VERSION = "2025-03-26"  # where no header names one

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
INTERNAL_ERROR = -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_META = "io.modelcontextprotocol/"
VERSION_KEY, CAPABILITIES_KEY = f"{_META}protocolVersion", f"{_META}clientCapabilities"
SERVER_KEY = f"{_META}serverInfo"
_BASE64 = re.compile(r"=\?base64\?(.*)\?=")


class RpcFault(Exception):
    """A request that is none of this protocol, or of a version or for a method that isn't here."""

    def __init__(self, code: int, message: str, *, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class RpcCall:
    """One request. `id` is None for a notification, which gets no answer; `stateless` from 2026-07-28 on."""

    method: str
    params: Mapping[str, Any]
    id: str | int | None
    stateless: bool

    @property
    def progress_token(self) -> str | int | None:
        """Return what the client names this call by when it wants to hear how far it is."""
        token = _mapping(self.params.get("_meta")).get("progressToken")
        return token if isinstance(token, str | int) and not isinstance(token, bool) else None


def call_of(message: Any, headers: Mapping[str, str]) -> RpcCall:
    """Return the request that `message` is. Raises RpcFault."""
    if isinstance(message, list):
        raise RpcFault(INVALID_REQUEST, "Batches are not taken: send one request at a time.")
    if not isinstance(message, Mapping) or message.get("jsonrpc") != "2.0" or not _is_text(message.get("method")):
        raise RpcFault(INVALID_REQUEST, "The body must be a single JSON-RPC 2.0 request or notification.")
    if not isinstance(message.get("params", {}), Mapping):
        raise RpcFault(INVALID_REQUEST, "params must be an object.")
    call_id = message.get("id")
    if "id" in message and (not isinstance(call_id, str | int) or isinstance(call_id, bool)):
        raise RpcFault(INVALID_REQUEST, "id must be a string or a whole number.")
    call = RpcCall(message["method"], message.get("params", {}), call_id, _is_stateless(message, headers))
    if call.id is not None and call.stateless:
        _check_stateless(call, headers)
    return call


def _is_stateless(message: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Say whether it is of a version without a handshake. Raises RpcFault for a version that isn't spoken here."""
    version = headers.get("MCP-Protocol-Version", ASSUMED_VERSION)
    named = VERSION_KEY in _mapping(_mapping(message.get("params")).get("_meta"))
    if version in STATELESS_VERSIONS or named:
        return True
    if version not in HANDSHAKE_VERSIONS and message["method"] != "initialize":
        raise _unsupported(version)
    return False


def _check_stateless(call: RpcCall, headers: Mapping[str, str]) -> None:
    """Check that the request says what it has to, and its headers the same. Raises RpcFault."""
    meta = _mapping(call.params.get("_meta"))
    if missing := [key for key in (VERSION_KEY, CAPABILITIES_KEY) if key not in meta]:
        raise RpcFault(INVALID_PARAMS, f"params._meta lacks {', '.join(missing)}.")
    if not _is_text(meta[VERSION_KEY]):
        raise RpcFault(INVALID_PARAMS, f"{VERSION_KEY} must be a string.")
    named = call.params.get("name") if call.method == "tools/call" else None
    repeated = {
        "MCP-Protocol-Version": meta[VERSION_KEY],
        "Mcp-Method": call.method,
        "Mcp-Name": named,
    }
    for header, value in repeated.items():
        if value is not None and _decoded(headers.get(header)) != value:
            raise RpcFault(HEADER_MISMATCH, f"The header {header} does not say what the request says.")
    if meta[VERSION_KEY] not in STATELESS_VERSIONS:
        raise _unsupported(meta[VERSION_KEY])


def _unsupported(version: str) -> RpcFault:
    supported = [*HANDSHAKE_VERSIONS, *STATELESS_VERSIONS]
    data = {"supported": supported, "requested": version[:100]}
    return RpcFault(UNSUPPORTED_VERSION, "Unsupported protocol version.", data=data)


def _decoded(header: str | None) -> str | None:
    """Return what a header says; one that holds more than ASCII is sent in base64."""
    found = _BASE64.fullmatch(header or "")
    if not found:
        return header
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def result_body(call: RpcCall, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    return {"jsonrpc": "2.0", "id": call.id, "result": dict(result)}


def fault_body(fault: RpcFault, *, id: str | int | None = None) -> dict[str, Any]:  # noqa: A002 (the protocol's name)
    """Return the answer to a request that has none."""
    data = {} if fault.data is None else {"data": fault.data}
    return {"jsonrpc": "2.0", "id": id, "error": {"code": fault.code, "message": fault.message} | data}
