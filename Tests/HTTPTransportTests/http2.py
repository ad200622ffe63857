"""An HTTP/2 server on a free port of 127.0.0.1, over TLS with ALPN, in the standard library alone.

Each answer's body says on which connection, by number from 0, and on which stream its request came; with a file of
events it is those, in pieces. Request heads are not decoded; the answer's head is an indexed `:status: 200` (RFC 7541,
appendix A). Ends when its standard input does. Each request is a line `CONNECTION.STREAM` of LOG before it is answered.

MODE is what becomes of the second request of a connection: `answers`, `goes_away` (GOAWAY: it was not looked at),
`refuses` (REFUSED_STREAM), `closes`.

Usage: http2.py CERTIFICATE KEY LOG MODE [EVENTS]
"""
import os
import socket
import ssl
import struct
import sys
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
REFUSED_STREAM = 7
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def take(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def note(number, stream):
    with open(sys.argv[3], "a") as log:
        log.write(f"{number}.{stream}\n")


def answer(connection, number, stream):
    if len(sys.argv) < 6:
        body = f"connection {number} stream {stream}".encode()
        connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") + frame(DATA, END_STREAM, stream, body))
        return
    with open(sys.argv[5], "rb") as file:
        body = file.read()
    # A literal field without indexing, its name number 31 of the static table: content-type.
    kind = b"text/event-stream"
    connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88\x0f\x10" + bytes([len(kind)]) + kind))
    for start in range(0, len(body), 100):
        connection.sendall(frame(DATA, 0, stream, body[start:start + 100]))
    connection.sendall(frame(DATA, END_STREAM, stream))


def fail(connection, mode, stream):
    """Ends the stream without an answer; true when the connection goes with it."""
    if mode == "goes_away":
        connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", stream - 2, 0)))
    elif mode == "refuses":
        connection.sendall(frame(RESET, 0, stream, struct.pack(">I", REFUSED_STREAM)))
    return mode != "refuses"


def serve(raw, context, number):
    try:
        connection = context.wrap_socket(raw, server_side=True)
        assert connection.selected_alpn_protocol() == "h2", "no HTTP/2 was offered"
        assert take(connection, len(PREFACE)) == PREFACE
        connection.sendall(frame(SETTINGS, 0, 0))
        while True:
            head = take(connection, 9)
            length = struct.unpack(">I", b"\0" + head[:3])[0]
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = take(connection, length)
            if kind == SETTINGS and not flags & ACK:
                connection.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            elif kind in (DATA, HEADERS) and flags & END_STREAM:
                note(number, stream)
                if sys.argv[4] == "answers" or stream == 1:
                    answer(connection, number, stream)
                elif fail(connection, sys.argv[4], stream):
                    connection.close()
                    return
    except (EOFError, OSError):
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    number = 0
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context, number), daemon=True).start()
        number += 1


main()
