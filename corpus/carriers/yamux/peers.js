// A server and a client that speak through two streams of yamux: `node peers.js PORT`.
"use strict";
const net = require("net");
const { Client, Server } = require("yamux-js");

const config = { enableKeepAlive: false };
const message = (value) => {
  const text = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(text.length);
  return Buffer.concat([head, text]);
};
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

function messages(stream, heard) {
  let left = Buffer.alloc(0);
  stream.on("data", (data) => {
    left = Buffer.concat([left, data]);
    while (left.length >= 4 && left.length >= 4 + left.readUInt32BE(0)) {
      const end = 4 + left.readUInt32BE(0);
      heard(JSON.parse(left.subarray(4, end)));
      left = left.subarray(end);
    }
  });
}

const listener = net.createServer((socket) => {
  const server = new Server((stream) => {
    messages(stream, (asked) => stream.write(message({ answer: asked.question.length, to: asked.number })));
    stream.on("end", () => stream.end());
  }, config);
  server.on("error", () => {});
  socket.on("error", () => {});
  socket.pipe(server).pipe(socket);
});

listener.listen(Number(process.argv[2]), "127.0.0.1", async () => {
  const socket = net.connect(Number(process.argv[2]), "127.0.0.1");
  socket.setNoDelay(true);
  const client = new Client(config);
  client.pipe(socket).pipe(client);
  const streams = [client.open(), client.open()];
  streams.forEach((stream) => messages(stream, () => {}));
  const questions = [message({ number: 1, question: "how long is this?" }), message({ number: 2, question: "and this, which is sent in many pieces?" })];
  // Pieces of both messages take turns.
  for (let at = 0; at < 80; at += 13) {
    for (const [which, stream] of streams.entries()) {
      const piece = questions[which].subarray(at, at + 13);
      if (piece.length > 0) stream.write(piece);
      await pause(10);
    }
  }
  streams[1].write(Buffer.concat([message({ number: 3, question: "" }), message({ number: 4, question: "?" })]));
  await pause(200);
  streams[0].end();
  await pause(100);
  streams[1].end();
  const third = client.open();
  messages(third, () => {});
  third.write(message({ number: 5, question: "last" }));
  await pause(200);
  third.end();
  await pause(200);
  process.exit(0);
});
