"""Records Minecraft Java Edition: status, login with compression and play in 1.8.8; the same with configuration in 1.20.4;
and a login with encryption.

Needs tcpdump, node, and in a folder that NODE_PATH names (as FOLDER/node_modules) the packages flying-squid 1.12.0 and
minecraft-protocol 1.68.0.

    NODE_PATH=FOLDER/node_modules python3 record.py
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording


def run(log):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["node", os.path.join(HERE, "talk.js")], cwd=folder, stdout=subprocess.DEVNULL,
                       timeout=60, check=True)


if __name__ == "__main__":
    recording.record(HERE, run, "tcp port 25565")
    os.remove(os.path.join(HERE, "sent.jsonl"))
