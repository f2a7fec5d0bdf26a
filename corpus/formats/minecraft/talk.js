// A server and its players: Minecraft 1.8.8 as flying-squid speaks it, then 1.20.4 as minecraft-protocol does, also encrypted.
// record.py starts this.
const squid = require('flying-squid')
const mc = require('minecraft-protocol')

const PORT = 25565
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const event = (emitter, name) => new Promise((resolve) => emitter.once(name, resolve))

function join (username, version, more = {}) {
  const client = mc.createClient({ host: '127.0.0.1', port: PORT, username, version, auth: 'offline', ...more })
  client.on('error', () => {})
  return client
}

// A column of 1.8 has 16 sections: blocks of all, light of blocks of all, light of the sky of all, biomes. One is enough here.
function lowestSection (client) {
  const write = client.write
  client.write = (name, packet) => {
    if (name === 'map_chunk') {
      const all = packet.chunkData
      const parts = [[0, 8192], [16 * 8192, 2048], [16 * 10240, 2048], [16 * 12288, 256]]
      packet = { ...packet, bitMap: 1, chunkData: Buffer.concat(parts.map(([at, size]) => all.subarray(at, at + size))) }
    }
    write.call(client, name, packet)
  }
}

async function world () {
  const server = squid.createMCServer({
    motd: 'A world for a recording',
    port: PORT,
    'max-players': 4,
    'online-mode': false,
    logging: false,
    gameMode: 1,
    difficulty: 1,
    generation: { name: 'superflat', options: { worldHeight: 80 } },
    kickTimeout: 10000,
    plugins: {},
    'view-distance': 1,
    'player-list-text': { header: { text: 'Recording' }, footer: { text: '你好' } },
    'everybody-op': true,
    'max-entities': 10,
    version: '1.8.8'
  })
  server.on('newPlayer', (player) => lowestSection(player._client))
  await event(server._server, 'listening')
  await mc.ping({ host: '127.0.0.1', port: PORT, version: '1.8.8' })
  const ada = join('ada', '1.8.8')
  await event(ada, 'position')
  await sleep(1200)
  const bob = join('bob', '1.8.8')
  await event(bob, 'position')
  await sleep(1200)
  ada.write('settings', { locale: 'de_DE', viewDistance: 2, chatFlags: 0, chatColors: true, skinParts: 127 })
  ada.write('custom_payload', { channel: 'MC|Brand', data: Buffer.from('\x07recorder') })
  ada.write('chat', { message: 'hello, bob' })
  bob.write('chat', { message: '你好 ada ' + 'and more '.repeat(9) })
  await sleep(300)
  for (let step = 0; step < 4; step++) {
    ada.write('position', { x: 2.5 + step / 4, y: 5, z: 1.25, onGround: true })
    bob.write('look', { yaw: 45 * step, pitch: -10, onGround: true })
    await sleep(100)
  }
  ada.write('position_look', { x: 3, y: 5, z: 1.5, yaw: 90, pitch: 12.5, onGround: false })
  ada.write('flying', { onGround: true })
  bob.write('held_item_slot', { slotId: 3 })
  bob.write('arm_animation', {})
  bob.write('entity_action', { entityId: 0, actionId: 0, jumpBoost: 0 })
  ada.write('set_creative_slot', { slot: 36, item: { blockId: 3, itemCount: 64, itemDamage: 0, nbtData: undefined } })
  bob.write('abilities', { flags: 2, flyingSpeed: 0.05, walkingSpeed: 0.1 })
  ada.write('block_dig', { status: 0, location: { x: 2, y: 3, z: 2 }, face: 1 })
  await sleep(200)
  ada.write('block_place', {
    location: { x: 2, y: 2, z: 2 }, direction: 1, cursorX: 8, cursorY: 16, cursorZ: 8,
    heldItem: { blockId: 3, itemCount: 64, itemDamage: 0, nbtData: undefined }
  })
  bob.write('chat', { message: '/gamemode 0 bob' })
  bob.write('tab_complete', { text: '/ga', block: undefined })
  bob.write('client_command', { payload: 0 })
  await sleep(1500)
  bob.end('bye')
  await sleep(300)
  ada.end('bye')
  await sleep(300)
  await server.quit('over')
}

async function later () {
  const data = require('minecraft-data')('1.20.4')
  const codec = data.loginPacket.dimensionCodec
  const chat = codec.value['minecraft:chat_type']
  const server = mc.createServer({
    host: '127.0.0.1', port: PORT, version: '1.20.4', 'online-mode': false, motd: 'A later server', maxPlayers: 3,
    registryCodec: { ...codec, value: { 'minecraft:chat_type': chat } },
    beforeLogin: (client) => { if (client.username === 'mallory') client.end('not you') }
  })
  server.on('playerJoin', async (client) => {
    client.write('login', {
      ...data.loginPacket, enforceSecureChat: false, entityId: client.id, isHardcore: false, gameMode: 0,
      previousGameMode: 1, hashedSeed: [0, 0], maxPlayers: 3, viewDistance: 4, reducedDebugInfo: false,
      enableRespawnScreen: true, isDebug: false, isFlat: false
    })
    client.write('position', { x: 0, y: 256, z: 0, yaw: 0, pitch: 0, flags: 0, teleportId: 1 })
    for (let number = 0; number < 3; number++) {
      client.write('system_chat', {
        content: { type: 'string', value: 'line ' + number + ' of the news, '.repeat(number * 15) }, isActionBar: false
      })
      await sleep(150)
    }
    client.end('The server closes')
  })
  await event(server, 'listening')
  await mc.ping({ host: '127.0.0.1', port: PORT, version: '1.20.4' })
  // One who is not welcome is refused before compression begins.
  const mallory = join('mallory', '1.20.4')
  await Promise.race([event(mallory, 'end'), sleep(2000)])
  const ada = join('ada', '1.20.4')
  ada.on('position', (packet) => ada.write('teleport_confirm', { teleportId: packet.teleportId }))
  await Promise.race([event(ada, 'end'), sleep(4000)])
  await sleep(300)
  server.close()
}

// With encryption. The service that knows who has an account is not asked: everybody has one.
async function online () {
  require('yggdrasil').server = () => ({
    hasJoined: (name, id, secret, key, answer) => answer(null, { id: '0'.repeat(32), name, properties: [] })
  })
  const server = mc.createServer({ host: '127.0.0.1', port: PORT, version: '1.20.4', 'online-mode': true, motd: 'Online' })
  server.on('playerJoin', (client) => client.end('You are in'))
  await event(server, 'listening')
  const ada = join('ada', '1.20.4')
  await Promise.race([event(ada, 'end'), sleep(4000)])
  await sleep(300)
  server.close()
}

world().then(later).then(online).then(() => process.exit(0))
