// MariaDB's own client for Node.js: no EOF after columns, columns that are not described again, many rows in one command.
const mariadb = require("mariadb");

(async () => {
  const connection = await mariadb.createConnection({
    host: "127.0.0.1", port: Number(process.argv[2]), user: "ada", password: "secret", database: "shop",
    pipelining: false, ssl: false, bulk: true, connectAttributes: { program: "till" },
  });
  await connection.query("SELECT id, name, note FROM goods ORDER BY id");
  await connection.query("SELECT id FROM goods WHERE FALSE");
  for (const id of [1, 3]) await connection.execute("SELECT id, name, price, added FROM goods WHERE id >= ?", [id]);
  await connection.execute("SELECT ? AS a, ? AS b, ? AS c", ["größer", null, Buffer.from([0, 255])]);
  await connection.execute("SELECT id, name, price, added FROM goods WHERE id >= ?", [2]);
  await connection.execute("UPDATE goods SET note = ? WHERE id = ?", ["late", 2]);
  await connection.batch("INSERT INTO goods (id, name, price) VALUES (?, ?, ?)",
    [[200, "salt", 0.5], [201, "pepper", null], [202, "糖", 1.25]]);
  await connection.execute("SELECT 1 / ?", ["not a number"]).catch(() => {});
  await connection.execute("SELECT FROM", []).catch(() => {});
  await connection.query("SELECT wrong").catch(() => {});
  await connection.ping();
  await connection.end();
})();
