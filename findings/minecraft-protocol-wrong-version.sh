#!/usr/bin/env bash
# minecraft-protocol 1.68.0: a server refuses a client of another version, and then logs it in without a word.
#
# What one would expect: a client that asks for a version that the server does not speak gets a Disconnect with the reason, and the
# connection ends. In fact the server calls `end('Wrong protocol version …')` while the conversation is still in the handshake,
# which has no packet for a reason; then it reads on: the login succeeds, in the layout of the server's own version, which the client can't
# read, the player is counted, and the connection stays open until the client gives up.
#
# Seen with minecraft-protocol 1.68.0 and Node.js 20. Needs node and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --no-package-lock minecraft-protocol@1.68.0 >/dev/null 2>&1
cat > wrong.js <<'JS'
const net = require('net')
const { createServer } = require('minecraft-protocol')

// Shorter than 128 bytes, so that each length is one byte.
const packet = (...parts) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.from([body.length]), body])
}
const text = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)])

// 1.20.4 is the version 765; the client says 340, which is 1.12.2.
const server = createServer({ host: '127.0.0.1', port: 0, version: '1.20.4', 'online-mode': false, hideErrors: true })
server.once('listening', () => {
  const { port } = server.socketServer.address()
  const client = net.connect(port, '127.0.0.1')
  client.write(packet([0, 0xd4, 2], text('127.0.0.1'), [port >> 8, port & 255, 2]))
  client.write(packet([0], text('eve'), Buffer.alloc(16)))
  let [received, ended] = [Buffer.alloc(0), false]
  client.on('data', (data) => { received = Buffer.concat([received, data]) })
  client.on('end', () => { ended = true })
  setTimeout(() => {
    const loggedIn = received.includes(Buffer.from('\x03eve'))
    const reason = received.includes(Buffer.from('version'))
    console.log({ loggedIn, reason, ended, players: server.playerCount })
    process.exit(loggedIn && !reason && !ended && server.playerCount === 1 ? 0 : 1)
  }, 2000)
})
JS
node wrong.js || { echo "this has changed: the client is refused" >&2; exit 1; }
