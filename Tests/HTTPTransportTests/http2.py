"""An HTTP/2 server on a free port of 127.0.0.1, over TLS with ALPN, in the standard library alone.

Each answer's body says on which connection, by number from 0, and on which stream its request came. Request heads are
not decoded; the answer's head is an indexed `:status: 200` (RFC 7541, appendix A). Ends when its standard input does.

Usage: http2.py CERTIFICATE KEY
"""
import os
import socket
import ssl
import struct
import sys
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
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
                body = f"connection {number} stream {stream}".encode()
                connection.sendall(frame(HEADERS, END_HEADERS, stream, b"\x88") + frame(DATA, END_STREAM, stream, body))
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
