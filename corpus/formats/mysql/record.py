"""Records capture.pcapng, what clients and a MariaDB server say to each other, and long.pcapng.gz, payloads that are too
long for a packet.

Needs tcpdump, root, openssl, MariaDB 10.11 and its client (Debian's mariadb-server and mariadb-client), PyMySQL 1.2.4,
mysql-connector-python 26.10.0, and node with mariadb 3.5.4 in a folder that NODE_PATH names.

    NODE_PATH=FOLDER/node_modules python3 record.py
"""

import datetime
import decimal
import gzip
import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../peers"))
import recording

PORT = 3306

SCHEMA = """
CREATE DATABASE shop CHARACTER SET utf8mb4;
CREATE DATABASE attic;
CREATE USER ada@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret');
CREATE USER edgar@'127.0.0.1' IDENTIFIED VIA ed25519 USING PASSWORD('curve');
CREATE USER olga@'127.0.0.1' IDENTIFIED VIA mysql_old_password USING '7cf75aa7216fd03e';
GRANT ALL ON *.* TO ada@'127.0.0.1';
GRANT ALL ON shop.* TO edgar@'127.0.0.1';
"""


def server(folder):
    """A running server whose files are all in `folder`."""
    shutil.chown(folder, "mysql")
    common = ["--no-defaults", f"--datadir={folder}/data", "--user=mysql"]
    subprocess.run(["mariadb-install-db", *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
                   check=True, stdout=subprocess.DEVNULL, cwd=folder)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650",
                    "-subj", "/CN=server.example", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/certificate.pem"],
                   check=True, stderr=subprocess.DEVNULL, user="mysql")
    socket_path = f"{folder}/socket"
    running = subprocess.Popen(
        ["mariadbd", *common, f"--port={PORT}", "--bind-address=127.0.0.1", f"--socket={socket_path}",
         "--skip-name-resolve", "--plugin-load-add=auth_ed25519", "--local-infile=1", "--default-time-zone=+00:00",
         "--max-allowed-packet=64M", "--skip-log-bin", f"--pid-file={folder}/pid", "--lc-messages=en_US",
         f"--ssl-cert={folder}/certificate.pem", f"--ssl-key={folder}/key.pem",
         "--session-track-schema=1", "--session-track-state-change=1"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        if os.path.exists(socket_path):
            break
        time.sleep(0.1)
    subprocess.run(["mariadb", "--no-defaults", f"--socket={socket_path}", "-u", "root"], input=SCHEMA.encode(),
                   check=True)

    def stop():
        running.terminate()
        running.wait()
    return stop


def text_protocol():
    import pymysql
    connection = pymysql.connect(host="127.0.0.1", port=PORT, user="ada", password="secret", charset="utf8mb4",
                                 ssl_disabled=True, local_infile=True, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    cursor = connection.cursor()
    connection.select_db("shop")
    connection.ping()
    cursor.execute("SELECT 42 AS answer, 'Zürich' AS town, 2.5 AS ratio, NULL AS nothing, x'deadbeef' AS bytes, "
                   "DATE '2024-02-29' AS leap, REPEAT('ab', 150) AS medium")
    cursor.execute("CREATE TABLE goods (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE NOT NULL, "
                   "price DECIMAL(8,2), weight FLOAT, stock BIGINT UNSIGNED, added DATETIME(3), opens TIME, "
                   "sealed BIT(1), size ENUM('small','large'), note TEXT)")
    cursor.execute("INSERT INTO goods (name, price, weight, stock, added, opens, sealed, size, note) VALUES "
                   "('tea', 3.20, 0.1, 18446744073709551615, '2024-02-29 12:34:56.789', '08:30:00', b'1', 'small', NULL), "
                   "('café', 4.75, 0.25, 7, '1999-12-31', '-27:00:01', b'1', 'large', 'dark'), "
                   "('馒头', 1.50, NULL, 0, NULL, NULL, NULL, NULL, '')")
    connection.commit()
    cursor.execute("SELECT * FROM goods")
    cursor.execute("SELECT id FROM goods WHERE FALSE")
    cursor.execute("SELECT 1; UPDATE goods SET stock = 8 WHERE id = 2; SELECT 'last' AS l, 2 AS n; SELEC 1")
    try:
        while cursor.nextset():
            pass
    except pymysql.err.ProgrammingError:
        pass
    for wrong in ["SELECT * FROM nowhere", "INSERT INTO goods (name) VALUES ('tea')", "SELECT"]:
        try:
            cursor.execute(wrong)
        except pymysql.err.Error:
            pass
    cursor.execute("SELECT CAST('x' AS INT)")
    cursor.execute("SHOW WARNINGS")
    with open("goods.csv", "w") as file:
        file.write("100\tmilk\n101\tbread\n")
    for name in ["goods.csv", "gone.csv"]:
        try:
            cursor.execute(f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE goods (id, name)")
        except pymysql.err.OperationalError:
            pass
    connection.rollback()
    connection.close()


def prepared_statements():
    """mysql-connector speaks the binary protocol, and is asked to authenticate by another plugin."""
    import mysql.connector
    socket.gethostname = lambda: "client.example"
    connection = mysql.connector.connect(host="127.0.0.1", port=PORT, user="ada", password="secret", database="shop",
                                         use_pure=True, ssl_disabled=True,
                                         charset="utf8mb4", collation="utf8mb4_general_ci")
    cursor = connection.cursor(prepared=True)
    cursor.execute("SELECT * FROM goods WHERE id >= ? ORDER BY id", (1,))
    cursor.fetchall()
    cursor.execute("SELECT * FROM goods WHERE id >= ? ORDER BY id", (3,))
    cursor.fetchall()
    cursor.execute("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g, ? AS h",
                   (1, -2**40, 1.5, "ß", None, datetime.datetime(2024, 2, 29, 1, 2, 3, 456789), datetime.time(23, 59, 58),
                    decimal.Decimal("12.50")))
    cursor.fetchall()
    cursor.execute("SELECT CAST(1 AS UNSIGNED) AS u, CAST(2.25 AS DOUBLE) AS d, TIME '838:59:59' AS t, "
                   "CAST('2020-01-02' AS DATE) AS da, CAST(NULL AS CHAR) AS nil, YEAR('2001-01-01') AS y, "
                   "CAST(3.5 AS FLOAT) AS f, TRUE AS yes")
    cursor.fetchall()
    cursor.execute("INSERT INTO goods (name, price, note) VALUES (?, ?, ?)", ("jam", 2, None))
    cursor.close()
    connection.commit()
    try:
        connection.cursor(prepared=True).execute("SELECT FROM ?", (1,))
    except mysql.connector.Error:
        pass
    cursor = connection.cursor(prepared=True)
    cursor.execute("SELECT LENGTH(?) AS long_one, ? AS short_one", (io.BytesIO(b"long " * 500), 5))
    cursor.fetchall()
    cursor.reset()
    cursor.close()
    connection.cmd_statistics()
    connection.cmd_debug()
    connection.cmd_change_user(username="ada", password="secret", database="attic")
    connection.cmd_reset_connection()
    try:
        connection.cmd_process_kill(4_000_000)
    except mysql.connector.Error:
        pass
    connection.cmd_init_db("shop")
    connection.close()


def client_program():
    """The mariadb program: procedures, another plugin, compression, TLS."""
    def client(user, password, *more, text, database="shop", ssl=False):
        subprocess.run(["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(PORT), "-u", user, f"-p{password}",
                        "--default-character-set=utf8mb4", *more, "--ssl" if ssl else "--skip-ssl", *([database] if database else [])],
                       input=text.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    client("ada", "secret", "--force",
           text="use attic\nuse nowhere\nuse shop\nSELECT name, price FROM goods;\ndelimiter //\n"
                "CREATE PROCEDURE two() BEGIN SELECT 1 AS one; SELECT 2 AS two; END //\nCALL two()//\n")
    client("edgar", "curve", text="SELECT CURRENT_USER();\n")
    client("edgar", "wrong", text="SELECT 1;\n")
    client("ada", "secret", database="", text="SELECT DATABASE();\n")
    client("ada", "secret", database="nowhere", text="SELECT 1;\n")
    client("ada", "secret", "--compress", text="SELECT REPEAT('z', 200);\n")
    client("ada", "secret", ssl=True, text="SELECT 'encrypted';\n")


def node_client():
    subprocess.run(["node", f"{HERE}/talk.js", str(PORT)], check=True)


def by_hand():
    """Rows of a cursor in portions, sent as raw bytes, commands that are cut or refused."""
    import hashlib
    sock = recording.connect(PORT)
    file = sock.makefile("rb")

    def receive():
        head = file.read(4)
        return file.read(int.from_bytes(head[:3], "little"))

    def send(number, payload):
        sock.sendall(len(payload).to_bytes(3, "little") + bytes([number]) + payload)

    greeting = receive()
    at = greeting.index(b"\0") + 5
    salt = greeting[at:at + 8] + greeting[at + 27:at + 39]
    first = hashlib.sha1(b"secret").digest()
    proof = bytes(a ^ b for a, b in zip(first, hashlib.sha1(salt + hashlib.sha1(first).digest()).digest()))
    # LONG_PASSWORD, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, CONNECT_WITH_DB, PS_MULTI_RESULTS
    flags = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x40000
    send(1, struct.pack("<IIB23x", flags, 1 << 24, 45) + b"ada\0" + bytes([20]) + proof + b"shop\0")
    receive()
    send(0, b"\x16SELECT seq, CONCAT('n', seq) FROM seq_1_to_7")
    identity = receive()[1:5]
    while receive()[0] != 0xfe:
        pass
    send(0, b"\x17" + identity + b"\x01" + struct.pack("<I", 1))
    while receive()[0] != 0xfe:
        pass
    for _ in range(2):
        send(0, b"\x1c" + identity + struct.pack("<I", 4))
        while receive()[0] != 0xfe:
            pass
    send(0, b"\x19" + identity)
    send(0, b"\x1b\1\0")
    receive()
    send(0, b"\x04goods\0")
    while receive()[0] != 0xfe:
        pass
    send(0, b"\0")
    receive()
    query = b"\x03SELECT 'in pieces'"
    message = len(query).to_bytes(3, "little") + b"\0" + query
    for piece in [message[:2], message[2:9], message[9:]]:
        sock.sendall(piece)
        time.sleep(0.05)
    for _ in range(5):
        receive()
    send(0, b"\1")
    file.read()
    sock.close()


def long_payloads(log):
    """A query that fills its packet exactly, and a row that needs a second one."""
    import pymysql
    connection = pymysql.connect(host="127.0.0.1", port=PORT, user="ada", password="secret", ssl_disabled=True,
                                 max_allowed_packet=1 << 26)
    cursor = connection.cursor()
    beginning, end = "SELECT LENGTH('", "')"
    cursor.execute(beginning + "a" * (0xffffff - 1 - len(beginning) - len(end)) + end)
    assert cursor.fetchall() == ((0xffffff - 1 - len(beginning) - len(end),),)
    cursor.execute("SELECT REPEAT('b', 0xffffff), 'and more'")
    assert len(cursor.fetchall()[0][0]) == 0xffffff
    connection.close()


def talk(log):
    for part in [text_protocol, prepared_statements, client_program, node_client, by_hand]:
        part()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/client")
        os.chdir(f"{folder}/client")
        stop = server(folder)
        try:
            recording.record(HERE, talk, f"tcp port {PORT}")
            recording.record(folder, long_payloads, f"tcp port {PORT}")
            with open(f"{folder}/capture.pcapng", "rb") as file, open(f"{HERE}/long.pcapng.gz", "wb") as packed:
                packed.write(gzip.compress(file.read(), 9, mtime=0))
        finally:
            stop()
            os.chdir(HERE)
    os.remove(os.path.join(HERE, "sent.jsonl"))
