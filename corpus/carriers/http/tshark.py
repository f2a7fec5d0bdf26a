"""Compares what Framescope and tshark make of the HTTP/1.x in captures: each message with its start line, header fields and the
SHA-256 of its body without chunks and codings. Prints what differs, and how much was compared.

    python3 tshark.py FRAMESCOPE CAPTURE...
"""

import collections
import difflib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

HERE = os.path.dirname(os.path.abspath(__file__))


def start_of(fields):
    if "status" in fields:
        return str(fields["status"])
    return f"{fields.get('method')} {fields.get('target')}"


def text(value):
    return value if isinstance(value, str) else bytes.fromhex(value["bytes"]).decode("latin-1") if value else ""


def of_framescope(program, capture):
    """(src, dst) of what packets bring: messages as (start, headers, row)."""
    messages = collections.defaultdict(list)
    command = [program, "decode", capture, "--format", "json", "--filter", "protocol == http and type == message"]
    out = subprocess.run(command, capture_output=True, text=True).stdout
    for line in out.splitlines():
        row = json.loads(line)
        if row["kind"] in ("BODY", "UPGRADED", "TUNNEL") or row.get("carried_in"):
            continue
        fields = {field["name"]: field.get("value") for field in row["fields"]}
        group = next((field["fields"] for field in row["fields"] if field["name"] == "headers"), [])
        headers = [f"{field['name']}: {' '.join(text(field.get('value')).split())}" for field in group]
        messages[row["src"], row["dst"]].append((start_of(fields), headers, row["row"]))
    return messages


def of_tshark(capture):
    messages = collections.defaultdict(list)
    # Without the other dissectors in a body or a tunnel.
    command = ["tshark", "-r", capture, "-T", "pdml", "-Y", "http", "-o", "tcp.reassemble_out_of_order:TRUE"]
    out = subprocess.run(command, capture_output=True).stdout
    if not out:
        # It refuses the file, or names no packet.
        return messages
    for packet in tree.fromstring(out).iter("packet"):
        names = {field.get("name"): field.get("show") for field in packet.iter("field")}
        src, dst = (names.get(f"ip.{end}") or f"[{names.get(f'ipv6.{end}')}]" for end in ("src", "dst"))
        key = f"{src}:{names.get('tcp.srcport')}", f"{dst}:{names.get('tcp.dstport')}"
        if "tcp.srcport" not in names:
            continue
        for proto in packet.iter("proto"):
            if proto.get("name") != "http":
                continue
            fields = {field.get("name"): field.get("show") for field in proto.iter("field")}
            start = fields.get("http.response.code")
            if start is None and "http.request.method" in fields:
                start = f"{fields['http.request.method']} {fields.get('http.request.uri')}"
            if start is None:
                continue
            lines = [bytes.fromhex(field.get("value", "")).decode("latin-1")
                     for field in proto.iter("field") if field.get("name") in ("http.request.line", "http.response.line")]
            headers = []
            for line in lines:
                name, _, value = line.partition(":")
                headers.append(f"{name.strip().lower()}: {' '.join(value.split())}")
            messages[key].append((start, headers, packet.find("proto/field[@name='num']").get("show")))
    return messages


def bodies_of_tshark(capture):
    with tempfile.TemporaryDirectory() as folder:
        command = ["tshark", "-r", capture, "-q", "-o", "tcp.reassemble_out_of_order:TRUE", "--export-objects", f"http,{folder}"]
        subprocess.run(command, capture_output=True)
        files = [open(os.path.join(folder, name), "rb").read() for name in os.listdir(folder)]
        return collections.Counter(hashlib.sha256(file).hexdigest()[:16] for file in files if file)


def bodies_of_framescope(program, capture):
    with tempfile.TemporaryDirectory() as folder:
        flows = subprocess.run([program, "flows", capture, "--format", "json", "--as", "http.body=text"], capture_output=True, text=True).stdout
        digests = collections.Counter()
        for line in flows.splitlines():
            flow = json.loads(line)
            if "http.body" not in str(flow.get("carried_in")):
                continue
            command = [program, "decode", capture, "--as", "http.body=text", "--format", "json", "--filter", f"flow == {flow['flow']}"]
            for row in subprocess.run(command, capture_output=True, text=True).stdout.splitlines():
                value = next((field.get("value") for field in json.loads(row)["fields"]), "")
                body = value.encode() if isinstance(value, str) else bytes.fromhex(value["bytes"])
                digests[hashlib.sha256(body).hexdigest()[:16]] += 1
        return digests


def compare(program, capture):
    ours, theirs = of_framescope(program, capture), of_tshark(capture)
    compared = differ = 0
    for key in sorted(set(ours) | set(theirs)):
        mine, other = ours.get(key, []), theirs.get(key, [])
        matcher = difflib.SequenceMatcher(None, [one[0] for one in mine], [two[0] for two in other], autojunk=False)
        for what, a, b, c, d in matcher.get_opcodes():
            compared += max(b - a, d - c)
            if what != "equal":
                differ += max(b - a, d - c)
                print(f"{capture} {key[0]} > {key[1]}: {[(one[2], one[0]) for one in mine[a:b]]}, "
                      f"tshark {[('packet ' + two[2], two[0]) for two in other[c:d]]}")
                continue
            for one, two in zip(mine[a:b], other[c:d]):
                if one[1] != two[1]:
                    differ += 1
                    only = [line for line in one[1] if line not in two[1]], [line for line in two[1] if line not in one[1]]
                    print(f"{capture} row {one[2]} {one[0]}: only here {only[0]}, only in tshark {only[1]}")
    mine, other = bodies_of_framescope(program, capture), bodies_of_tshark(capture)
    if mine != other:
        print(f"{capture} bodies: only here {sorted((mine - other).elements())}, only in tshark {sorted((other - mine).elements())}, "
              f"equal {(mine & other).total()}")
    return compared, differ


def main():
    program, *captures = sys.argv[1:]
    total = collections.Counter()
    for capture in captures:
        try:
            compared, differ = compare(program, capture)
        except tree.ParseError as error:
            print(f"{capture}: tshark writes no XML: {error}")
            continue
        sys.stdout.flush()
        total.update(messages=compared, differ=differ, captures=compared > 0)
    print(dict(total))


if __name__ == "__main__":
    main()
