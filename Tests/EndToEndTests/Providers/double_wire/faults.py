"""What a provider can do wrong once it has a request: faults are laid over the bytes of an answer that is right."""

import functools
import gzip
import json

from .words import compact

# Of a rule's `fault`, all optional; bytes and events are those of the answer's body.
FAULTS = {
    "fragment": "n: writes of n bytes each",
    "split_at": "n: one pause after n bytes",
    "cut_at": "n: closes after n bytes",
    "cut_event": "n: closes after n events",
    "reset": "true: a cut resets the connection; alone: resets it unanswered",
    "unanswered": "true: closes without an answer once it has the request",
    "hang": "before_head | after_head: nothing more comes",
    "idle": "n: nothing more comes after n events",
    "hold": "{after: n, until: PATH}: nothing comes after n events until that file exists",
    "drip": "{bytes: n, every: DURATION}",
    "comments": "{after: n, every: DURATION, times: n, kind: comment | ping}: nothing but comments (Anthropic: pings, "
                "unless told otherwise) after n events, so many or for ever",
    "stream_error": "{after: n, error: {…}, end: bool, bare: bool, as_field: bool}: an error object in a stream that began "
                    "with 200; as_field: as a field `error` of an event, which old versions of llama.cpp send",
    "error_in_200": "{…}: an error object as the body of a 200",
    "malformed_event": "{after: n, text: …}: an event whose data is that text",
    "malformed": "text: the whole body",
    "content_type": "what the answer calls itself",
    "html": "true: a page in place of the answer, status from the reply",
    "bytes": "n: the answer's text grows to n bytes, in events or in one body",
    "values": "n: a body with a member of n bytes besides, each other byte a number in one list",
    "line": "n: one line of n bytes",
    "bomb": "n: a gzip body that is n bytes when unpacked",
    "gzip": "true: the body compressed, as no client of ours asks for",
    "redirect": "status: to the second listener",
    "framing": "length | chunked | close: how the body's end is told",
    "length": "n: a Content-Length of n, whatever comes",
    "close": "true: Connection: close",
    "crlf": "true: lines of the stream end in CR LF",
    "bom": "true: the stream begins with a byte order mark",
    "head": "text: written as the head as it stands",
}

PAGE = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>sk-secret nginx</body></html>\n"


def known(fault):
    unknown = set(fault) - set(FAULTS)
    if unknown:
        raise ValueError(f"no such fault: {sorted(unknown)}")


def altered(events, fault, dialect):
    """The stream's events with what the fault puts among them."""
    put = fault.get("stream_error") or fault.get("malformed_event")
    count = 0
    for event in events:
        if put and count == put.get("after", 0):
            if "error" in put:
                if put.get("as_field"):
                    yield f"error: {json.dumps(put['error'])}\n\n".encode()
                else:
                    yield dialect.stream_error(put["error"], not put.get("bare"))
                if put.get("end"):
                    yield dialect.STREAM_END
                return
            yield f"data: {put['text']}\n\n".encode()
        if fault.get("cut_event") == count:
            return
        yield event.replace(b"\n", b"\r\n") if fault.get("crlf") else event
        count += 1
        if "bytes" in fault and count == 3:
            yield from filled(event, fault["bytes"], dialect)
        if "line" in fault and count == 3:
            yield b"data: " + b"x" * fault["line"] + b"\n\n"


def filled(event, size, dialect):
    """As many more events as make `size` bytes, each like the ones that carry text."""
    for _ in range(0, size, 65_536):
        letters = "x" * 65_000
        if dialect.PATH == "/v1/messages":
            yield dialect.event(
                "content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": letters}})
        else:
            yield b"data: " + compact({"id": "chatcmpl-long", "object": "chat.completion.chunk", "created": 1,
                "model": "m", "choices": [{"index": 0, "delta": {"content": letters}}]}).encode() + b"\n\n"


def body_of(body, fault):
    """A body that is not streamed, as the fault would have it."""
    if fault.get("html"):
        return PAGE
    if "malformed" in fault:
        return fault["malformed"].encode("utf-8", "surrogateescape")
    if "error_in_200" in fault:
        return json.dumps({"error": fault["error_in_200"]}).encode()
    if "bytes" in fault:
        return body[:-1].rstrip() + b',"more":"' + b"x" * fault["bytes"] + b'"}'
    if "values" in fault:
        return body.rstrip()[:-1] + b',"more":[' + b"1," * (fault["values"] // 2) + b"1]}"
    if "line" in fault:
        return body[:-1].rstrip() + b',"more":"' + b"x" * fault["line"] + b'"}'
    return body


@functools.lru_cache
def bomb(size):
    return gzip.compress(b" " * size, 1)
