// A server of Node: trailers, events, upgrades accepted and refused, CONNECT, and bodies packed with br and zlib.
const http = require("http");
const net = require("net");
const zlib = require("zlib");

const server = http.createServer((request, response) => {
  if (request.url === "/trailers") {
    response.writeHead(200, { "Content-Type": "text/plain", Trailer: "X-Checksum" });
    response.write("two parts: ");
    response.write("this is the second");
    response.addTrailers({ "X-Checksum": "abc" });
    response.end();
  } else if (request.url === "/events") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    let count = 0;
    const timer = setInterval(() => {
      response.write(`id: ${++count}\ndata: {"count": ${count}}\n\n`);
      if (count === 4) {
        clearInterval(timer);
        response.end();
      }
    }, 30);
  } else if (request.url === "/br" || request.url === "/deflate") {
    const text = JSON.stringify({ words: Array(20).fill("again and again"), packed: request.url });
    const packed = request.url === "/br" ? zlib.brotliCompressSync(text) : zlib.deflateSync(text);
    response.writeHead(200, { "Content-Type": "application/json", "Content-Encoding": request.url.slice(1) });
    response.end(packed);
  } else if (request.url === "/echo") {
    response.writeHead(200, { "Content-Type": request.headers["content-type"] || "text/plain" });
    request.pipe(response);
  } else {
    response.writeHead(404);
    response.end("not here\n");
  }
});
server.on("upgrade", (request, socket) => {
  if (request.headers.upgrade !== "lines") {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n");
    return;
  }
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: lines\r\n\r\nwelcome\n");
  socket.on("data", (data) => socket.end(data.toString().toUpperCase()));
});
server.on("connect", (request, socket, head) => {
  const [host, port] = request.url.split(":");
  if (host !== "127.0.0.1") {
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n");
    return;
  }
  const other = net.connect(port, host, () => {
    socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
    other.write(head);
    other.pipe(socket);
    socket.pipe(other);
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
