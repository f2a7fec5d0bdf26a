"""Services: a server of Debian or a library, and a client that speaks to it."""

import os
import random
import shutil
import subprocess
import tempfile
import time

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def started(command, port, **more):
    """A server, once it listens."""
    server = subprocess.Popen(command, **{**QUIET, **more})
    for _ in range(100):
        found = subprocess.run(["ss", "-ltnH", f"sport = :{port}"], capture_output=True, text=True).stdout
        if found.strip():
            return server
        time.sleep(0.05)
    server.kill()
    raise RuntimeError(f"nothing listens on port {port}")


def stopped(server):
    server.terminate()
    try:
        server.wait(3)
    except subprocess.TimeoutExpired:
        server.kill()


WORDS = "pump valve door lamp motor sensor filter tank pipe fan oven scale".split()


# memcached, binary: its protocol_binary.txt.

def memcached(port, talk):
    def run():
        server = started(["memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", str(port), "-U", "0"], port)
        for seed in range(3):
            talk(port, random.Random(seed))
        stopped(server)
    return run


def binary_talk(port, chance):
    import bmemcached
    client = bmemcached.Client((f"127.0.0.1:{port}",), compression=None)
    for _ in range(40):
        key = f"{chance.choice(WORDS)}:{chance.randrange(20)}"
        kind = chance.randrange(6)
        if kind < 2:
            client.set(key, " ".join(chance.choices(WORDS, k=chance.randrange(1, 9))), time=chance.choice([0, 300]))
        elif kind < 4:
            client.get(key)
        elif kind == 4:
            client.incr("count", 3, default=10)
        else:
            client.delete(key)
    client.disconnect_all()


def binary_read(reader, side, state):
    while reader.left:
        _, _, key, extras, _, _, body, _, _ = reader.fields(
            "constant:1 number:1 length:2 length:1 number/constant:1 number:2 length:4 number/constant:4 number:8")
        end = reader.at + body
        if extras:
            reader.fields("number:4 " * (extras // 4) if extras != 20 else "number:8 number:8 number:4")
        reader.take("text", key)
        reader.take("text" if end - reader.at != 8 else "number", end - reader.at)
        reader.end()


def text_talk(port, chance):
    from pymemcache.client.base import Client
    client = Client(("127.0.0.1", port), no_delay=True, default_noreply=False)
    for _ in range(45):
        key = f"{chance.choice(WORDS)}:{chance.randrange(20)}"
        kind = chance.randrange(6)
        if kind < 2:
            client.set(key, " ".join(chance.choices(WORDS, k=chance.randrange(1, 9))))
        elif kind < 4:
            client.get(key)
        elif kind == 4:
            client.touch(key, 100)
        else:
            client.delete(key)
    client.close()


def text_read(reader, side, state):
    """A command or reply is a line, and a block of data with it. doc/protocol.txt of memcached."""
    while reader.left:
        line = reader.until("text", b"\r\n").split()
        if side == 0 and line[0] == b"set":
            reader.take("text", int(line[4]))
            reader.take("end", 2)
        while side == 1 and line[0] == b"VALUE":
            reader.take("text", int(line[3]))
            reader.take("end", 2)
            line = reader.until("text", b"\r\n").split()
        reader.end()


# beanstalkd: doc/protocol.txt of beanstalkd.

def beanstalk_run():
    import greenstalk
    server = started(["beanstalkd", "-l", "127.0.0.1", "-p", "24013"], 24013)
    for seed in range(3):
        chance = random.Random(seed)
        with greenstalk.Client(("127.0.0.1", 24013)) as client:
            client.use("work")
            client.watch("work")
            for _ in range(14):
                client.put(" ".join(chance.choices(WORDS, k=chance.randrange(1, 20))), priority=chance.randrange(9), ttr=60)
                job = client.reserve(timeout=1)
                (client.delete if chance.random() < 0.7 else client.bury)(job)
            client.stats_tube("work")
    stopped(server)


def beanstalk_read(reader, side, state):
    while reader.left:
        line = reader.until("text", b"\r\n").split()
        if line[0] in (b"put", b"RESERVED", b"OK", b"FOUND"):
            reader.take("text", int(line[-1]))
            reader.take("end", 2)
        reader.end()


# Gearman: gearman.org/protocol. The job server and the tool are of gearmand.

def gearman_run():
    folder = tempfile.mkdtemp()
    server = started(["gearmand", "-L", "127.0.0.1", "-p", "24014", "-l", "stderr", "--threads=1"], 24014, cwd=folder)
    worker = subprocess.Popen(["gearman", "-h", "127.0.0.1", "-p", "24014", "-w", "-f", "reverse", "--", "rev"], **QUIET)
    chance = random.Random(3)
    for _ in range(25):
        text = " ".join(chance.choices(WORDS, k=chance.randrange(1, 30)))
        subprocess.run(["gearman", "-h", "127.0.0.1", "-p", "24014", "-f", "reverse", text], timeout=5, **{**QUIET})
    worker.kill()
    stopped(server)
    shutil.rmtree(folder)


def gearman_read(reader, side, state):
    while reader.left:
        _, kind, length = reader.fields("constant:4 number:4 length:4")
        end = reader.at + length
        while reader.at < end:
            until = reader.data.find(b"\0", reader.at, end)
            reader.take("text", (until if until >= 0 else end) - reader.at)
            if until >= 0:
                reader.take("end", 1)
        reader.end()


# Git: gitprotocol-common(5), gitprotocol-pack(5).

def git_run():
    folder = tempfile.mkdtemp()
    origin = os.path.join(folder, "origin.git")
    who = {**os.environ, "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.test", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.test",
           "GIT_CONFIG_NOSYSTEM": "1", "HOME": folder}

    def git(*said, **more):
        subprocess.run(["git", "-c", "init.defaultBranch=main", "-c", "protocol.version=0", *said], check=True, timeout=10, env=who, **QUIET, **more)

    git("init", "--bare", origin)
    git("clone", origin, os.path.join(folder, "a"))
    chance = random.Random(5)
    for number in range(12):
        with open(os.path.join(folder, "a", f"{chance.choice(WORDS)}.txt"), "w") as file:
            file.write("\n".join(chance.choices(WORDS, k=20)))
        git("add", ".", cwd=os.path.join(folder, "a"))
        git("commit", "-m", f"change {number}", cwd=os.path.join(folder, "a"))
        git("branch", f"branch-{number}", cwd=os.path.join(folder, "a"))
    git("push", "--all", cwd=os.path.join(folder, "a"))
    server = started(["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", "--port=24016", "--export-all", "--enable=receive-pack", f"--base-path={folder}", folder], 24016, env=who)
    git("clone", "git://127.0.0.1:24016/origin.git", os.path.join(folder, "b"))
    for number in range(4):
        with open(os.path.join(folder, "b", "news.txt"), "w") as file:
            file.write("\n".join(chance.choices(WORDS, k=20)))
        git("add", ".", cwd=os.path.join(folder, "b"))
        git("commit", "-m", f"news {number}", cwd=os.path.join(folder, "b"))
        git("push", "origin", "HEAD:main", cwd=os.path.join(folder, "b"))
        git("-c", "protocol.version=2", "ls-remote", "git://127.0.0.1:24016/origin.git")
        git("-c", "protocol.version=2", "clone", "git://127.0.0.1:24016/origin.git", os.path.join(folder, f"c{number}"))
    stopped(server)
    subprocess.run(["pkill", "-P", str(server.pid)])
    shutil.rmtree(folder)


def git_read(reader, side, state):
    while reader.left:
        if side == 0 and reader.peek(4) == b"PACK":
            # What is pushed follows the last line without a length.
            reader.take("bytes", reader.left)
            reader.end()
            return
        length = int(reader.take("length", 4), 16)
        if length > 4:
            band = reader.peek(1)
            if side == 1 and band in (b"\1", b"\2", b"\3"):
                reader.take("number", 1)
                reader.take("text" if band != b"\1" else "bytes", length - 5)
            else:
                reader.take("text", length - 4)
        reader.end()


# NATS: docs.nats.io, "Client protocol".

def nats_run():
    import asyncio
    import nats
    server = started(["nats-server", "-a", "127.0.0.1", "-p", "24017"], 24017)

    async def talk(seed):
        chance = random.Random(seed)
        client = await nats.connect("nats://127.0.0.1:24017", name="example")

        async def hear(message):
            pass

        async def answer(message):
            await message.respond(b"done " + message.data[:10])

        await client.subscribe("jobs.*", cb=answer)
        await client.subscribe("news", cb=hear)
        for _ in range(16):
            await client.publish("news", " ".join(chance.choices(WORDS, k=chance.randrange(1, 25))).encode())
            await client.request(f"jobs.{chance.choice(WORDS)}", b"turn " + str(chance.randrange(1000)).encode(), timeout=2)
        await client.close()

    for seed in range(2):
        asyncio.run(talk(seed))
    stopped(server)


def nats_read(reader, side, state):
    while reader.left:
        line = reader.until("text", b"\r\n").split()
        if line[0] in (b"PUB", b"MSG", b"HPUB", b"HMSG"):
            reader.take("text", int(line[-1]))
            reader.take("end", 2)
        reader.end()


# SNMP over TCP: RFC 3416, RFC 3430. Both sides are Net-SNMP.

def snmp_run():
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "snmpd.conf"), "w") as file:
        file.write("agentAddress tcp:127.0.0.1:24018\nrocommunity public\nsysName example\nsysDescr An example\nsysLocation a shelf\n"
                   "sysContact ada@example.test\nview only included .1.3.6.1.2.1.1\nrocommunity public default -V only\n")
    server = started(["snmpd", "-f", "-C", "-c", os.path.join(folder, "snmpd.conf"), "-Lf", "/dev/null", "-p", os.path.join(folder, "pid")], 24018,
                     env={**os.environ, "SNMP_PERSISTENT_DIR": folder})
    for command in (["snmpwalk", "-v2c"], ["snmpwalk", "-v1"], ["snmpbulkwalk", "-v2c", "-Cr4"], ["snmpget", "-v2c"]):
        tail = ["1.3.6.1.2.1.1"] if command[0] != "snmpget" else ["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.5.0"]
        subprocess.run([*command, "-c", "public", "tcp:127.0.0.1:24018", *tail], timeout=10, **QUIET)
    stopped(server)
    shutil.rmtree(folder)


def ber_read(reader, side, state):
    while reader.left:
        tag, length = reader.ber("constant", "length")
        ber_value(reader, reader.at + length, True)
        reader.end()


def ber_value(reader, end, has_id=False):
    """Values one after another. The first of a message or of a request is the number that the reply repeats."""
    while reader.at < end:
        tag, length = reader.ber("number/serialised", "length/serialised")
        said = reader.peek(length)
        if tag & 0x20:
            ber_value(reader, reader.at + length, tag & 0x80 and tag != 0xA3)
        elif tag in (4, 0x80, 0x81, 0x82, 0x87) and all(32 <= byte < 127 for byte in said):
            reader.take("text/serialised", length)
        elif tag in (1, 2, 10, 0x41, 0x42, 0x43):
            reader.take("sequence/echo/number/serialised" if has_id else "number/serialised", length)
        else:
            reader.take("bytes", length)
        has_id = False


# LDAP: RFC 4511. OpenLDAP's server, and ldap3.

def ldap_run():
    import ldap3
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "slapd.conf"), "w") as file:
        file.write("include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nsuffix dc=example,dc=test\n"
                   f"rootdn cn=admin,dc=example,dc=test\nrootpw secret\ndirectory {folder}\nmaxsize 10485760\n")
    server = started(["/usr/sbin/slapd", "-h", "ldap://127.0.0.1:24019", "-f", os.path.join(folder, "slapd.conf"), "-d", "0"], 24019)
    for seed in range(3):
        chance = random.Random(seed)
        client = ldap3.Connection(ldap3.Server("127.0.0.1", 24019, get_info=ldap3.NONE), "cn=admin,dc=example,dc=test", "secret", auto_bind=True)
        if seed == 0:
            client.add("dc=example,dc=test", ["dcObject", "organization"], {"o": "Example", "dc": "example"})
        for number in range(12):
            name = f"cn={chance.choice(WORDS)}{seed}{number},dc=example,dc=test"
            client.add(name, "person", {"sn": chance.choice(WORDS), "description": " ".join(chance.choices(WORDS, k=5))})
            client.search("dc=example,dc=test", f"(sn={chance.choice(WORDS)})", attributes=["sn", "description"])
            client.modify(name, {"description": [(ldap3.MODIFY_REPLACE, ["new"])]})
        client.unbind()
    stopped(server)
    shutil.rmtree(folder)


CASES = {
    "memcached_binary": {"run": memcached(24011, binary_talk), "read": binary_read, "filter": "tcp port 24011"},
    "memcached": {"run": memcached(24012, text_talk), "read": text_read, "filter": "tcp port 24012"},
    "beanstalk": {"run": beanstalk_run, "read": beanstalk_read, "filter": "tcp port 24013"},
    "gearman": {"run": gearman_run, "read": gearman_read, "filter": "tcp port 24014"},
    "git": {"run": git_run, "read": git_read, "filter": "tcp port 24016"},
    "nats": {"run": nats_run, "read": nats_read, "filter": "tcp port 24017"},
    "snmp": {"run": snmp_run, "read": ber_read, "filter": "tcp port 24018"},
    "ldap": {"run": ldap_run, "read": ber_read, "filter": "tcp port 24019"},
}
