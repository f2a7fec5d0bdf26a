#!/usr/bin/env python3
"""A server of Missive with a planted fault: it serves one connection after another, and waits for each as long as it takes."""

import socketserver

from missive_server import Visitor, serve


class OneAtATime(socketserver.TCPServer):  # Planted: no threads, and no time limit.
    allow_reuse_address = True
    request_queue_size = 128


if __name__ == "__main__":
    serve(Visitor, OneAtATime)
