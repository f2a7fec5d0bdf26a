"""Records yamux: a client and a server of yamux-js speak JSON with a length in front through three streams of one connection, in
pieces that take turns.

Needs tcpdump, Node.js, and yamux-js 0.2.0 from npm in the folder that NODE_PATH names.

    NODE_PATH=.../node_modules python3 record.py
"""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording


def run(log):
    subprocess.run(["node", os.path.join(HERE, "peers.js"), "4100"], check=True)


recording.record(HERE, run, "tcp port 4100")
os.remove(os.path.join(HERE, "sent.jsonl"))
