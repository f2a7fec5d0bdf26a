"""Records capture.pcapng: what clients and a PostgreSQL server say to each other.

Needs tcpdump, root, openssl, PostgreSQL 15 (Debian's postgresql-15), psycopg2-binary 2.9.13, psycopg[binary] 3.3.9 and
asyncpg 0.32.0.

    python3 record.py
"""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import asyncpg
import psycopg
import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 5432
PROGRAMS = "/usr/lib/postgresql/15/bin"
TRUSTED = {"host": "127.0.0.1", "port": PORT, "user": "trusty", "dbname": "shop"}

CONFIGURATION = """
listen_addresses = '127.0.0.1'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
fsync = off
wal_level = logical
ssl = off
"""

# Who may come without a password, with one in clear text, with MD5, with SCRAM.
ACCESS = """
local all all trust
host all trusty 127.0.0.1/32 trust
host replication trusty 127.0.0.1/32 trust
host all clara 127.0.0.1/32 password
host all mildred 127.0.0.1/32 md5
host all all 127.0.0.1/32 scram-sha-256
"""

SCHEMA = """
CREATE ROLE trusty LOGIN SUPERUSER REPLICATION;
CREATE ROLE clara LOGIN PASSWORD 'clear';
SET password_encryption = 'md5';
CREATE ROLE mildred LOGIN PASSWORD 'hashed';
SET password_encryption = 'scram-sha-256';
CREATE ROLE ada LOGIN PASSWORD 'secret';
CREATE DATABASE shop;
ALTER DATABASE shop OWNER TO trusty;
\\connect shop
GRANT ALL ON SCHEMA public TO PUBLIC;
"""


def server(folder):
    """A running server whose files are all in `folder`."""
    def run(*command, **more):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user="postgres", cwd=folder, **more)

    data = os.path.join(folder, "data")
    shutil.chown(folder, "postgres")
    run(f"{PROGRAMS}/initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "--auth=trust")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=server.example",
        "-keyout", f"{data}/server.key", "-out", f"{data}/server.crt", stderr=subprocess.DEVNULL)
    os.chmod(f"{data}/server.key", 0o600)
    with open(f"{data}/postgresql.conf", "a") as file:
        file.write(CONFIGURATION + f"port = {PORT}\nunix_socket_directories = '{folder}'\n")
    with open(f"{data}/pg_hba.conf", "w") as file:
        file.write(ACCESS)
    run(f"{PROGRAMS}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "start")
    run("psql", "-q", "-h", folder, "-p", str(PORT), "-U", "postgres", "-f", "-", input=SCHEMA.encode())
    return lambda: run(f"{PROGRAMS}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


class Stubborn:
    """A file whose second read fails, so that the client gives up a COPY."""

    def __init__(self):
        self.reads = 0

    def read(self, size):
        self.reads += 1
        if self.reads > 1:
            raise RuntimeError("the file is gone")
        return "10,x\n"


def simple_queries():
    """libpq with SCRAM, after the server has declined TLS."""
    import io
    connection = psycopg2.connect(host="127.0.0.1", port=PORT, user="ada", password="secret", dbname="shop",
                                  sslmode="prefer", application_name="till", options="-c statement_timeout=60000")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT 42 AS answer, 'Zürich' AS town, 2.5::float8 AS ratio, NULL AS nothing, true AS yes, "
                   "'\\xdeadbeef'::bytea AS bytes, DATE '2024-02-29' AS leap, ARRAY[1,2,3] AS some")
    cursor.execute("CREATE TABLE goods (id serial PRIMARY KEY, name text UNIQUE NOT NULL, price numeric CHECK (price > 0))")
    cursor.execute("INSERT INTO goods (name, price) VALUES ('tea', 3.20), ('café', 4.75), ('馒头', 1.50)")
    cursor.execute("SELECT * FROM goods ORDER BY id; SELECT count(*) FROM goods; UPDATE goods SET price = price * 2")
    for empty in ["", "-- nothing to do"]:
        try:
            cursor.execute(empty)
        except psycopg2.ProgrammingError:
            pass
    cursor.execute("DO $$ BEGIN RAISE NOTICE 'stock is low: %', 3 USING HINT = 'Order more.'; END $$")
    cursor.execute("SET application_name = 'till 2'")
    for wrong in ["SELEC 1", "SELECT 1/0", "INSERT INTO goods (name) VALUES ('tea')",
                  "INSERT INTO goods (name, price) VALUES ('air', -1)", "SELECT * FROM nowhere"]:
        try:
            cursor.execute(wrong)
        except psycopg2.Error:
            pass
    connection.autocommit = False
    cursor.execute("DELETE FROM goods WHERE id = 3")
    try:
        cursor.execute("SELECT broken")
    except psycopg2.errors.UndefinedColumn:
        pass
    connection.rollback()
    cursor.copy_expert("COPY goods (id, name) FROM STDIN WITH CSV", io.StringIO("7,milk\n8,bread\n9,\"rye, dark\"\n"))
    connection.commit()
    try:
        cursor.copy_expert("COPY goods (id, name) FROM STDIN WITH CSV", Stubborn())
    except psycopg2.Error:
        pass
    connection.rollback()
    cursor.copy_expert("COPY goods TO STDOUT", io.StringIO())
    connection.commit()
    connection.close()


def notifications():
    """One session listens; another notifies it, between commands and while it is idle."""
    ear = psycopg2.connect(sslmode="disable", **TRUSTED)
    ear.autocommit = True
    ear.cursor().execute("LISTEN orders")
    mouth = psycopg2.connect(sslmode="disable", **TRUSTED)
    mouth.autocommit = True
    mouth.cursor().execute("NOTIFY orders, 'two teas'")
    mouth.cursor().execute("SELECT pg_notify('orders', '')")
    time.sleep(0.2)
    ear.poll()
    # Large objects are what libpq still calls functions directly for.
    mouth.autocommit = False
    thing = mouth.lobject(0, "wb")
    thing.write(b"large object")
    thing.close()
    mouth.commit()
    mouth.close()
    ear.close()


def cancel():
    """A query that is cancelled from a connection of its own."""
    connection = psycopg2.connect(sslmode="disable", **TRUSTED)
    later = threading.Timer(0.3, connection.cancel)
    later.start()
    try:
        connection.cursor().execute("SELECT pg_sleep(30)")
    except psycopg2.errors.QueryCanceled:
        pass
    later.join()
    connection.close()


def other_passwords():
    """Clear text, MD5, a wrong password, and a database that is not there."""
    for user, password, database in [("clara", "clear", "shop"), ("mildred", "hashed", "shop"),
                                     ("ada", "wrong", "shop"), ("trusty", "", "attic")]:
        try:
            psycopg2.connect(host="127.0.0.1", port=PORT, user=user, password=password, dbname=database,
                             sslmode="disable").close()
        except psycopg2.OperationalError:
            pass


def prepared():
    """asyncpg: the extended protocol with binary values, cursors in portions, COPY."""
    async def talk():
        connection = await asyncpg.connect(host="127.0.0.1", port=PORT, user="trusty", database="shop", ssl=False)
        rows = await connection.fetch("SELECT g, g * 1.5::float8 AS half, 'n' || g AS name, g % 2 = 0 AS even "
                                      "FROM generate_series($1::int, $2::int) g", 1, 3)
        assert len(rows) == 3
        statement = await connection.prepare("SELECT $1::text || $2::text AS both, $3::bytea AS raw, $4::int8 AS big")
        await statement.fetch("a", "ß", b"\0\1", 2**40)
        await statement.fetch(None, "b", None, -1)
        async with connection.transaction():
            async for _ in connection.cursor("SELECT generate_series(1, 7)", prefetch=3):
                pass
        await connection.execute("CREATE TABLE numbers (n int, t text)")
        await connection.executemany("INSERT INTO numbers VALUES ($1, $2)", [(1, "one"), (2, None), (3, "three")])
        await connection.copy_records_to_table("numbers", records=[(4, "four"), (5, None)])
        try:
            await connection.fetch("SELECT 1 / $1::int", 0)
        except asyncpg.DivisionByZeroError:
            pass
        await connection.close()

    asyncio.run(talk())


def pipeline():
    """psycopg 3: several statements before one Sync, one of which fails."""
    with psycopg.connect(sslmode="disable", **TRUSTED) as connection:
        connection.autocommit = True
        try:
            with connection.pipeline():
                cursor = connection.cursor()
                for number in range(4):
                    cursor.execute("SELECT %s::int AS n", (number,), prepare=number > 1)
                cursor.execute("SELECT %s / 0", (1,))
                cursor.execute("SELECT 'after the failure'")
        except psycopg.errors.DivisionByZero:
            pass
        with connection.cursor(binary=True) as cursor:
            cursor.execute("SELECT oid, typname FROM pg_type WHERE oid < %s ORDER BY oid", (30,))
        with connection.cursor().copy("COPY numbers TO STDOUT (FORMAT BINARY)") as copy:
            for _ in copy:
                pass


def replication():
    """Logical replication: CopyData in both directions."""
    connection = psycopg2.connect(sslmode="disable", connection_factory=psycopg2.extras.LogicalReplicationConnection,
                                  **TRUSTED)
    cursor = connection.cursor()
    cursor.execute("IDENTIFY_SYSTEM")
    cursor.create_replication_slot("till", output_plugin="test_decoding")
    cursor.start_replication("till", decode=True)
    other = psycopg2.connect(sslmode="disable", **TRUSTED)
    other.cursor().execute("INSERT INTO numbers VALUES (6, 'six')")
    other.commit()
    other.close()
    end = time.time() + 1
    while time.time() < end:
        if message := cursor.read_message():
            message.cursor.send_feedback(flush_lsn=message.data_start, reply=True, force=True)
        time.sleep(0.05)
    connection.close()


def by_hand():
    """What no client here sends: a request for GSSAPI, a newer protocol, a message cut into three segments."""
    sock = recording.connect(PORT)
    sock.sendall(struct.pack(">II", 8, 80877104))
    assert sock.recv(1) == b"G"
    sock.close()
    sock = recording.connect(PORT)
    options = b"user\0trusty\0database\0shop\0_pq_.colour\0blue\0\0"
    sock.sendall(struct.pack(">IHH", 8 + len(options), 3, 99) + options)
    time.sleep(0.1)
    query = b"SELECT 'in pieces'\0"
    message = b"Q" + struct.pack(">I", 4 + len(query)) + query
    for piece in [message[:3], message[3:12], message[12:]]:
        sock.sendall(piece)
        time.sleep(0.05)
    sock.sendall(message + b"H\0\0\0\4" + b"X\0\0\0\4")
    while sock.recv(65536):
        pass
    sock.close()


def encrypted():
    """TLS, after the server was configured for it."""
    connection = psycopg2.connect(sslmode="disable", **TRUSTED)
    connection.autocommit = True
    connection.cursor().execute("ALTER SYSTEM SET ssl = on")
    connection.cursor().execute("SELECT pg_reload_conf()")
    connection.close()
    time.sleep(0.3)
    psycopg2.connect(sslmode="require", **TRUSTED).close()


def talk(log):
    for part in [simple_queries, notifications, cancel, other_passwords, prepared, pipeline, replication, by_hand,
                 encrypted]:
        part()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        stop = server(folder)
        try:
            recording.record(HERE, talk, f"tcp port {PORT}")
        finally:
            stop()
    os.remove(os.path.join(HERE, "sent.jsonl"))
