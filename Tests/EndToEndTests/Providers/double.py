"""A model provider that behaves, or misbehaves, as a script says: OpenAI chat completions and Anthropic messages.

usage: double.py [--script FILE] [--log FILE] [--port N] [--tls CERT KEY]

Prints `listening on http://127.0.0.1:PORT`, then `second listener http://127.0.0.1:PORT` (where redirects point).
OpenAI's paths begin with /v1 at that address, Anthropic's too; a client's base_url is the address with or without /v1.
It ends when its standard input does.

The script is JSON and may change at any time (write it whole and rename it):
  {"keys": {"right": "sk-…"},        names of keys; with any, a request without one of them gets 401 as the real ones do
   "models": ["gpt-double"],
   "limit": {"requests": 10, "per": "60s"},   429 with Retry-After beyond that; with "silent": true without
   "lenient": true,                  takes requests that the real services refuse
   "rules": [{"when": {…}, "times": n, "reply": {…}, "fault": {…}}]}
`when`, all optional: prompt, last_prompt, system, last_result, body, path, query, method (parts of texts), header
({name: part}), turn, stream, dialect, model, last_tool, key, connection_request (the n-th on its connection).
`reply`: text (or a list of its pieces), piece (letters a piece), calls [{name, arguments, id, index}], thinking
[{text, signature} or {data}], refusal, finish, usage (null: none; input, output, cached, cache_write, reasoning; raw),
model, members (added to the message), no_choices, end (false: no end mark), like ("llama", "ollama"), delay, pace (between
events); or status, headers, error {kind, type, code, message} or body for anything but a 200.
`fault`: see FAULTS in double_wire/faults.py.

The log has one JSON line for each request ({"request": n, …}, written before anything is answered), each answer's first
byte of a body ({"began": n}) and end ({"answered": n, "status": …}), and each client that went away before that
({"gone": n}); `at` is nanoseconds of CLOCK_MONOTONIC.
"""

import argparse
import asyncio
import os
import ssl
import sys
import threading

# Tests leave nothing beside the sources.
sys.dont_write_bytecode = True

from double_wire.server import Double  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--script")
    parser.add_argument("--log")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    return parser.parse_args()


def security(options):
    if options.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*options.tls)
    return context


async def main():
    options = arguments()
    double = Double(options.script, options.log)
    context = security(options)
    port = await double.listen(options.port, context, is_second=False)
    second = await double.listen(0, None, is_second=True)
    scheme = "https" if context else "http"
    double.second = f"http://127.0.0.1:{second}"
    print(f"listening on {scheme}://127.0.0.1:{port}\nsecond listener {double.second}", flush=True)
    # Ends with the test that holds the other end of standard input.
    is_over = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(
        target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(is_over.set)), daemon=True).start()
    await is_over.wait()
    # At once: open connections are of no use to anybody.
    os._exit(0)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
