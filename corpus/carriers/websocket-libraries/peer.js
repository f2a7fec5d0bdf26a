// A server and clients of the npm package ws: each way to compress, fragments, and closes. Prints each message that is sent, as JSON.
const WebSocket = require("ws");

const port = Number(process.argv[2]);
const KINDS = {
  "/default": true,
  "/none": false,
  "/server-alone": { serverNoContextTakeover: true, threshold: 0 },
  "/client-alone": { clientNoContextTakeover: true, threshold: 0 },
  "/both-alone": { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
  "/small-window": { serverMaxWindowBits: 10, clientMaxWindowBits: 9, threshold: 0 },
  "/all": { threshold: 0 },
};

function send(socket, data, options = {}) {
  const bytes = Buffer.from(data);
  const { localAddress, localPort, remoteAddress, remotePort } = socket._socket;
  const content = options.binary ? { hex: bytes.toString("hex") } : { text: bytes.toString() };
  const more = options.fin === false;
  console.log(JSON.stringify({ src: [localAddress, localPort], dst: [remoteAddress, remotePort], more, ...content }));
  socket.send(data, options);
}

// Words that compress well and refer far back.
const words = (count) => Array.from({ length: count }, (_, i) => `word${(i * 7919) % 97}`).join(" ");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function serve(path) {
  const server = new WebSocket.Server({ noServer: true, perMessageDeflate: KINDS[path] });
  server.on("connection", (socket) => {
    socket.on("message", (data, binary) => send(socket, data, { binary }));
    socket.on("error", (error) => console.error(path, error.message));
  });
  return server;
}

async function talk(path) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: KINDS[path] });
  await new Promise((done) => socket.on("open", done));
  for (const text of ["hello", JSON.stringify({ path, words: words(30) }), JSON.stringify({ path, words: words(30), again: true })]) {
    send(socket, text);
    await sleep(20);
  }
  send(socket, Buffer.from([0, 1, 2, 0xfe, 0xff]), { binary: true });
  await sleep(20);
  send(socket, "first part, ", { fin: false });
  socket.ping("between");
  send(socket, "second part, ", { fin: false });
  send(socket, "last part", { fin: true });
  await sleep(20);
  send(socket, words(400));
  await sleep(50);
  socket.close(4000 + Object.keys(KINDS).indexOf(path), "done with " + path);
  await new Promise((done) => socket.on("close", done));
}

async function main() {
  const servers = Object.fromEntries(Object.keys(KINDS).map((path) => [path, serve(path)]));
  const http = require("http").createServer();
  http.on("upgrade", (request, socket, head) => {
    const server = servers[request.url];
    server.handleUpgrade(request, socket, head, (peer) => server.emit("connection", peer, request));
  });
  await new Promise((done) => http.listen(port, "127.0.0.1", done));
  for (const path of Object.keys(KINDS)) await talk(path);
  http.close();
}

main();
