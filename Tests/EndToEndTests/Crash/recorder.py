"""A witness outside the product: writes each request it gets to a file, on the disk, before it answers.

usage: recorder.py FILE; prints its port. Of the paths whose number says so, the first request is recorded and its
connection closed without an answer.
"""

import http.server
import json
import os
import sys
import threading
import zlib

lock = threading.Lock()
seen = set()
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def record(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            # Its sender died in the middle of it: half a request is none, and has no effect.
            self.close_connection = True
            return
        key = self.headers.get("Idempotency-Key", "")
        line = json.dumps({"method": self.command, "path": self.path, "body": body.decode(), "key": key}) + "\n"
        with lock:
            os.write(log, line.encode())
            os.fsync(log)
            is_first = self.path not in seen
            seen.add(self.path)
        if is_first and zlib.crc32(self.path.encode()) % 7 == 0:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "8")
        self.end_headers()
        self.wfile.write(b"recorded")

    do_GET = do_POST = do_PUT = record

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # A killed client resets its connections; what it sent is recorded by then.


server = Server(("127.0.0.1", 0), Recorder)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # Ends with the test that holds the other end.
