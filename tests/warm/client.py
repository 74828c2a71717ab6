"""A command that the server runs: `python client.py ADDRESS ARGUMENT …`. It imports little, to start at once."""

import json
import os
import signal
import socket
import sys

server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
request = {"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}
socket.send_fds(server, [b"streams"], [0, 1, 2])
server.sendall(json.dumps(request).encode() + b"\n")
# Who waits for the end of the streams waits for the command, not for this program.
nothing = os.open(os.devnull, os.O_RDWR)
for stream in (0, 1, 2):
    os.dup2(nothing, stream)
told = server.makefile()
command = int(told.readline())
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(command, number))
status = int(told.readline())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
