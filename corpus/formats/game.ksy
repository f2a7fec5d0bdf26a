# A protocol as games have it: little-endian, flags in bits, floats, names of a fixed width, and a CRC at the end.
meta:
  id: game
  title: A game's datagrams
  endian: le
  bit-endian: le
  -framescope:
    transport: udp
    ports: 27500
    kind: kind
    summary: '{body}'
seq:
  - {id: magic, contents: GM}
  - {id: version, type: b4, valid: 2}
  - {id: is_reliable, type: b1, doc: It is retransmitted until it is acknowledged.}
  - {id: is_fragment, type: b1}
  - {id: reserved, type: b2, valid: 0}
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: sequence, type: u2}
  - {id: acknowledged, type: u2, if: is_reliable}
  - {id: length, type: u2, valid: {max: 1200}}
  - id: body
    size: length
    type:
      switch-on: kind
      cases:
        kind::join: join
        kind::move: move
        kind::chat: chat
        kind::state: state
  - {id: check, type: u2, -check: crc-16/modbus}
types:
  join:
    seq:
      - {id: name, type: str, size: 16, encoding: UTF-8, pad-right: 0}
      - {id: colour, type: colour}
    -webide-representation: '{name}'
  colour:
    seq:
      - {id: red, type: b5}
      - {id: green, type: b6}
      - {id: blue, type: b5}
  position:
    seq:
      - {id: x, type: f4}
      - {id: y, type: f4}
    -webide-representation: '{x}, {y}'
  move:
    seq:
      - {id: entity, type: u4}
      - {id: position, type: position}
      - {id: heading, type: s2, doc: Hundredths of a degree.}
      - {id: jumps, type: b1}
      - {id: fires, type: b1}
      - {id: weapon, type: b6}
    -webide-representation: '{entity} to {position}'
  chat:
    seq:
      - {id: to, type: strz, encoding: UTF-8}
      - {id: text, type: str, size-eos: true, encoding: UTF-16LE}
    -webide-representation: '{to}: {text}'
  state:
    seq:
      - {id: count, type: u1}
      - {id: entity, type: entity, repeat: expr, repeat-expr: count}
    -webide-representation: '{count} entities'
  entity:
    seq:
      - {id: id, type: u4}
      - {id: is_alive, type: b1}
      - {id: team, type: b2, enum: team}
      - {id: health, type: b13}
      - {id: position, type: position, if: is_alive}
enums:
  kind: {1: join, 2: move, 3: chat, 4: state}
  team: {0: none, 1: red, 2: blue}
