"""An OpenID Connect provider on the loopback, which signs what it says with a key of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

CLIENT, SECRET = "docchat", "a-secret-of-the-client"


@cache
def new_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return a key, for each number another; they are made once, for that takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class IdentityProvider:
    """Gives a code for each visit, and for the code a token with `claims` changed as a test says."""

    def __init__(self) -> None:
        self.key = new_key()
        self.signed_with: Any = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        provider = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.say(provider.get(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.say(provider.token({name: values[0] for name, values in parse_qs(body).items()}))

            def say(self, answer: dict[str, Any] | None) -> None:
                self.send_response(200 if answer else 400)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer or {"error": "invalid_request"}).encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> IdentityProvider:
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def visit(self, address: str) -> dict[str, str]:
        """Sign in here, as a browser that was sent to `address`; return what it brings back."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.url}/authorize"
        self.asked = dict(parse_qsl(parts.query))
        return {"code": "a-code", "state": self.asked["state"]}

    def get(self, path: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            ends["userinfo_endpoint"] = "userinfo"
            return {"issuer": self.url} | {name: f"{self.url}/{end}" for name, end in ends.items()} | self.discovery
        if path == "/keys":
            public: dict[str, Any] = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            return {"keys": [public | {"kid": "one", "alg": "RS256", "use": "sig"}]}
        return self.userinfo if path == "/userinfo" else None

    def token(self, fields: dict[str, str]) -> dict[str, Any] | None:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(fields["code_verifier"].encode()).digest()).rstrip(b"=")
        right = [
            fields["code"],
            fields["client_id"],
            fields["client_secret"],
            challenge.decode(),
            fields["redirect_uri"],
        ]
        if right != ["a-code", CLIENT, SECRET, self.asked["code_challenge"], self.asked["redirect_uri"]]:
            return None
        now = int(time.time())
        said = {"iss": self.url, "sub": "person-1", "aud": CLIENT, "iat": now, "exp": now + 300}
        said |= {"nonce": self.asked["nonce"], "email": "reader@example.org", "email_verified": True}
        said = {name: value for name, value in (said | self.claims).items() if value is not None}
        signed = jwt.encode(said, self.signed_with, algorithm=self.algorithm, headers={"kid": "one"})
        return {"access_token": "an-access-token", "token_type": "Bearer", "id_token": signed}
