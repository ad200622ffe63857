"""Connections, requests and answers, byte by byte: HTTP/1.1 on asyncio's sockets."""

import asyncio
import collections
import gzip
import hashlib
import json
import os
import socket
import struct
import time

from . import anthropic, compatible, faults, openai
from .script import Script
from .words import Refusal, compact, seconds

LONGEST_HEAD = 65_536
KEY_HEADERS = ("authorization", "x-api-key", "api-key", "proxy-authorization", "cookie")
REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error", 529: "Overloaded"}


class Gone(Exception):
    """The client closed its end before the answer's."""


class Reader(asyncio.StreamReader):
    """Knows at once that its other end is gone, read from or not."""

    def __init__(self):
        super().__init__(limit=2**20)
        self.ended = asyncio.Event()

    def feed_eof(self):
        super().feed_eof()
        self.ended.set()

    def set_exception(self, error):
        super().set_exception(error)
        self.ended.set()


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        rest = target.split("://", 1)[-1] if "://" in target else target
        rest = "/" + rest.split("/", 1)[1] if "://" in target and "/" in rest else rest
        self.path, _, self.query = rest.partition("?")
        self.number, self.connection, self.on_connection, self.key = 0, 0, 0, "none"

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


class Double:
    def __init__(self, script, log):
        self.script = Script(script)
        self.log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None
        self.second, self.requests, self.connections = "", 0, 0
        self.arrivals = collections.deque()
        self.files = {}

    def log(self, line):
        if self.log_file is not None:
            os.write(self.log_file, compact(dict(line, at=time.monotonic_ns())).encode() + b"\n")

    async def listen(self, port, context, is_second):
        loop = asyncio.get_running_loop()

        def protocol():
            return asyncio.StreamReaderProtocol(
                Reader(), lambda reader, writer: self.serve(reader, writer, is_second))

        server = await loop.create_server(protocol, "127.0.0.1", port, ssl=context, backlog=2048)
        return server.sockets[0].getsockname()[1]

    # MARK: connections

    async def serve(self, reader, writer, is_second):
        self.connections += 1
        connection, count = self.connections, 0
        try:
            while (request := await self.read(reader, writer)) is not None:
                count += 1
                self.requests += 1
                request.number, request.connection, request.on_connection = self.requests, connection, count
                if request.method == "CONNECT":
                    await self.tunnel(request, reader, writer)
                    return
                answer = Answer(self, request, reader, writer, is_second)
                if not await answer.give():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            writer.close()

    async def read(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        request = Request(method, target, headers, b"")
        if (request.header("expect") or "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(request.header("content-length") or 0)
        request.body = await reader.readexactly(length) if length else b""
        return request

    async def tunnel(self, request, reader, writer):
        """As a proxy does; only to this machine."""
        self.note(request, None, False, "tunnel", None)
        host, _, port = request.target.rpartition(":")
        other_reader, other = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def copy(source, target):
            while piece := await source.read(65_536):
                target.write(piece)
                await target.drain()
            target.close()

        await asyncio.gather(copy(reader, other), copy(other_reader, writer), return_exceptions=True)

    # MARK: what is noted

    def key_of(self, request):
        """The name of the key that came, never the key."""
        value = request.header("x-api-key") or (request.header("authorization") or "").removeprefix("Bearer ")
        if not value:
            return "none"
        names = {key: name for name, key in self.script.read().get("keys", {}).items()}
        return names.get(value, "unknown")

    def note(self, request, view, is_second, rule, refused):
        keys = self.script.read().get("keys", {}).values()
        everything = request.target + "\n".join(
            value for name, value in request.headers if name.lower() not in KEY_HEADERS)
        everything += request.body.decode("utf-8", "replace")
        try:
            body = json.loads(request.body) if request.body else None
        except ValueError:
            body = request.body.decode("utf-8", "replace")
        line = {
            "request": request.number, "listener": "second" if is_second else "main",
            "connection": request.connection, "on_connection": request.on_connection, "method": request.method,
            "target": request.target, "path": request.path, "query": request.query, "key": request.key,
            "leaked": any(key and key in everything for key in keys),
            "headers": {
                name.lower(): "(hidden)" if name.lower() in KEY_HEADERS else value for name, value in request.headers},
            "body": body, "bytes": len(request.body), "digest": hashlib.sha256(request.body).hexdigest(), "rule": rule}
        if view is not None:
            line.update(dialect=view.dialect, turn=view.turn, prompt=view.prompt[:200], stream=view.stream)
        if refused:
            line["refused"] = refused
        self.log(line)

    # MARK: limits

    def is_over_limit(self):
        """Seconds until the next is let in; None while there is room. A window that slides."""
        limit = self.script.read().get("limit")
        if not limit:
            return None
        now, window = time.monotonic(), seconds(limit["per"])
        while self.arrivals and self.arrivals[0] <= now - window:
            self.arrivals.popleft()
        if len(self.arrivals) >= limit["requests"]:
            return self.arrivals[0] + window - now
        self.arrivals.append(now)
        return None

    async def existing(self, path):
        """Returns once that file is there, named from the script's folder; one look in 10 ms, however many wait."""
        path = os.path.join(os.path.dirname(self.script.path or ""), path)
        if path not in self.files:
            self.files[path] = asyncio.create_task(self.watch(path))
        await asyncio.shield(self.files[path])

    @staticmethod
    async def watch(path):
        while not os.path.exists(path):
            await asyncio.sleep(0.01)


class Answer:
    """One request's answer."""

    def __init__(self, double, request, reader, writer, is_second):
        self.double, self.request, self.reader, self.writer = double, request, reader, writer
        self.is_second, self.fault, self.sent = is_second, {}, 0
        self.dialect = anthropic if request.path.endswith("/messages") else openai
        self.is_open = True

    async def give(self):
        """False when the connection is over."""
        request, double = self.request, self.double
        request.key = double.key_of(request)
        try:
            status, headers, body = self.decide()
            faults.known(self.fault)
            await self.deliver(status, headers, body)
            double.log({"answered": request.number, "status": status, "bytes": self.sent})
        except (Gone, ConnectionError):
            double.log({"gone": request.number, "bytes": self.sent})
            return False
        return self.is_open and (request.header("connection") or "").lower() != "close"

    # MARK: what

    def decide(self):
        """Status, headers and body: bytes, or a generator of events."""
        double, request = self.double, self.request
        settings, view, refusal = double.script.read(), None, None
        if request.method == "POST" and (self.dialect is anthropic or request.path.endswith("/chat/completions")):
            try:
                view = self.dialect.look(json.loads(request.body))
            except (ValueError, AttributeError, TypeError, KeyError):
                refusal = Refusal(400, "invalid_request_error", "We could not parse the JSON body of your request.")
        number, rule = (None, None) if self.is_second else double.script.rule(view, request)
        self.fault, self.reply = (rule or {}).get("fault", {}), (rule or {}).get("reply", {})
        refusal = refusal or self.refusal(settings, view)
        double.note(request, view, self.is_second, number, refusal and str(refusal))
        wait = double.is_over_limit() if view is not None else None
        if self.is_second:
            return 200, [("content-type", "application/json")], b'{"reached": "the second listener"}'
        if refusal:
            self.fault = {}
            return refusal.status, self.json_headers(), self.dialect.rejection(refusal)
        if wait is not None:
            status, body = self.dialect.error_body(429, {})
            after = [] if settings["limit"].get("silent") else [("retry-after", str(max(1, round(wait))))]
            return status, self.json_headers() + after, body
        if rule is not None:
            return self.ruled(view)
        return self.unruled(settings, view)

    def refusal(self, settings, view):
        request = self.request
        if settings.get("keys") and request.key in ("none", "unknown"):
            kind = "authentication_error" if self.dialect is anthropic else "invalid_request_error"
            message = "invalid x-api-key" if self.dialect is anthropic else "Incorrect API key provided: sk-double*."
            return Refusal(401, kind, message, **({} if self.dialect is anthropic else {"code": "invalid_api_key"}))
        if view is None or settings.get("lenient"):
            return None
        try:
            if self.dialect is anthropic and not request.header("anthropic-version"):
                return Refusal(400, "invalid_request_error", "anthropic-version: header is required")
            if "application/json" not in (request.header("content-type") or ""):
                return Refusal(415, "invalid_request_error", "Unsupported content type")
            self.dialect.check(view.body)
        except Refusal as refusal:
            return refusal
        return None

    def unruled(self, settings, view):
        request = self.request
        if request.path.endswith("/models"):
            dialect = anthropic if request.header("anthropic-version") else openai
            return 200, self.json_headers(), json.dumps(dialect.models(settings.get("models", ["double-1"]))).encode()
        if view is None:
            return 404, self.json_headers(), self.dialect.rejection(
                Refusal(404, "invalid_request_error", f"Unknown request URL: {request.method} {request.path}"))
        return 400, self.json_headers(), self.dialect.rejection(
            Refusal(400, "invalid_request_error", f"double: no rule fits turn {view.turn} of {view.prompt[:80]!r}"))

    def json_headers(self):
        return [("content-type", "application/json")] + self.dialect.headers()

    def ruled(self, view):
        reply, fault = self.reply, self.fault
        shape = compatible if reply.get("like") else self.dialect
        status = reply.get("status", 200)
        if "redirect" in fault:
            place = self.double.second + self.request.target
            return fault["redirect"], [("location", place), ("content-type", "text/plain")], b"moved"
        if "error" in reply or "body" in reply or status != 200:
            body = reply.get("body", "").encode("utf-8", "surrogateescape")
            if "body" not in reply:
                status, body = shape.error_body(reply.get("status", 400), reply.get("error", {}))
            return status, self.headed(self.json_headers()), faults.body_of(body, fault)
        if view is None:
            return 200, self.headed(self.json_headers()), faults.body_of(b"{}", fault)
        is_whole = not view.stream or set(fault) & {"html", "malformed", "error_in_200", "values"}
        if is_whole:
            return 200, self.headed(self.json_headers()), faults.body_of(shape.whole(reply, view.body), fault)
        kind = [("content-type", self.dialect.STREAM_TYPE), ("cache-control", "no-cache")]
        return 200, self.headed(kind + self.dialect.headers()), faults.altered(
            shape.events(reply, view.body), fault, self.dialect)

    def headed(self, headers):
        """With the reply's own headers, which replace those of the same name (null takes one away)."""
        own = {name.lower(): value for name, value in self.reply.get("headers", {}).items()}
        kind = self.fault.get("content_type", "text/html" if self.fault.get("html") else None)
        if kind is not None:
            own["content-type"] = kind
        headers = [(name, value) for name, value in headers if name.lower() not in own]
        return headers + [(name, str(value)) for name, value in own.items() if value is not None]

    # MARK: how

    async def deliver(self, status, headers, body):
        fault, reply = self.fault, self.reply
        await self.wait(seconds(reply.get("delay", 0)))
        if fault.get("unanswered"):
            return self.cut()
        if fault.get("reset") and not set(fault) & {"cut_at", "cut_event"}:
            return self.cut()
        if fault.get("hang") == "before_head":
            await self.forever()
        is_stream = not isinstance(body, bytes)
        if "bomb" in fault:
            body, is_stream = faults.bomb(fault["bomb"]), False
            headers = headers + [("content-encoding", "gzip")]
        elif fault.get("gzip"):
            body, is_stream = gzip.compress(body if not is_stream else b"".join(body)), False
            headers = headers + [("content-encoding", "gzip")]
        framing = fault.get("framing", "chunked" if is_stream and "length" not in fault else "length")
        if framing == "chunked":
            headers = headers + [("transfer-encoding", "chunked")]
        elif framing == "length":
            body = body if isinstance(body, bytes) else b"".join(body)
            is_stream = False
            headers = headers + [("content-length", str(fault.get("length", len(body))))]
        if fault.get("close") or framing == "close":
            headers = headers + [("connection", "close")]
            self.is_open = False
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        await self.write(fault["head"].encode() if "head" in fault else head.encode("latin-1"))
        if fault.get("hang") == "after_head":
            await self.forever()
        if await self.body(body if is_stream else self.parts(body), framing == "chunked") is False:
            return None
        if framing == "chunked":
            await self.write(b"0\r\n\r\n")
        return None

    @staticmethod
    def parts(body):
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    async def body(self, events, is_chunked):
        """False when it was cut."""
        fault, count, pace = self.fault, 0, seconds(self.reply.get("pace", 0))
        if fault.get("bom"):
            await self.piece(b"\xef\xbb\xbf", is_chunked)
        for event in events:
            if "hold" in fault and count == fault["hold"].get("after", 0):
                await self.race(self.double.existing(fault["hold"]["until"]))
            if "idle" in fault and count == fault["idle"]:
                await self.forever()
            if "comments" in fault and count == fault["comments"].get("after", 2):
                await self.comment(is_chunked)
            if count == 0:
                self.double.log({"began": self.request.number})
            if count and pace:
                await self.wait(pace)
            if not await self.spread(event, is_chunked):
                return False
            count += 1
        if "cut_event" in fault:
            self.cut()
            return False
        if "idle" in fault or "length" in fault:
            await self.forever()
        return True

    async def comment(self, is_chunked):
        fault, count = self.fault["comments"], 0
        kind = fault.get("kind", "ping" if self.dialect is anthropic else "comment")
        while count != fault.get("times"):
            count += 1
            await self.wait(seconds(fault["every"]))
            await self.piece(
                b'event: ping\ndata: {"type": "ping"}\n\n' if kind == "ping" else b": still here\n\n", is_chunked)

    async def spread(self, data, is_chunked):
        """One event in the pieces that the fault asks for; false when it was cut."""
        fault = self.fault
        if "cut_at" in fault and self.sent + len(data) >= fault["cut_at"]:
            await self.piece(data[: fault["cut_at"] - self.sent], is_chunked)
            self.cut()
            return False
        if "split_at" in fault and self.sent < fault["split_at"] <= self.sent + len(data):
            at = fault["split_at"] - self.sent
            await self.piece(data[:at], is_chunked)
            await self.wait(0.003)
            data = data[at:]
        drip = fault.get("drip", {})
        size = drip.get("bytes") or fault.get("fragment") or max(1, len(data))
        for at in range(0, len(data), size):
            await self.piece(data[at : at + size], is_chunked)
            if drip:
                await self.wait(seconds(drip["every"]))
            elif size < len(data):
                await asyncio.sleep(0)
        return True

    async def piece(self, data, is_chunked):
        if not data:
            return
        self.sent += len(data)
        await self.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)

    async def write(self, data):
        if self.reader.ended.is_set():
            raise Gone()
        self.writer.write(data)
        if self.writer.transport.get_write_buffer_size():
            await self.race(self.writer.drain())

    def cut(self):
        """Ends the connection here: in order, or with a reset."""
        self.is_open = False
        if self.fault.get("reset"):
            self.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()

    # MARK: waits, which end with the client

    async def wait(self, duration):
        if duration > 0:
            await self.race(asyncio.sleep(duration))

    async def forever(self):
        await self.reader.ended.wait()
        raise Gone()

    async def race(self, work):
        work, gone = asyncio.ensure_future(work), asyncio.ensure_future(self.reader.ended.wait())
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Gone()
            work.result()
        finally:
            work.cancel()
            gone.cancel()
