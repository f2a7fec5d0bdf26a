# WebSocket: an HTTP request and its response, and then frames in both directions. Text of a client is combined with a key
# that changes with each frame; it is shown as it was before.
# Source: RFC 6455.
meta:
  id: websocket
  title: WebSocket
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: [8765]
    kind: frame.opcode
    summary: '{handshake}{frame}'
seq:
  - id: handshake
    type: handshake
    if: is_http
  - id: frame
    type: frame
    if: not is_http
instances:
  first: {pos: 0, type: u1}
  # 'G' of GET and 'H' of HTTP have bits that no frame has.
  is_http: {value: first == 0x47 or first == 0x48}
types:
  handshake:
    seq:
      - id: line
        type: line
        repeat: until
        repeat-until: _.text == ""
    -webide-representation: '{line[0]}'
  line:
    seq:
      - {id: text, type: str, terminator: 13}
      - {id: end, contents: [10]}
    -webide-representation: '{text}'
  frame:
    seq:
      - {id: is_last, type: b1, doc: A message may continue in the next frames.}
      - {id: reserved, type: b3, valid: 0}
      - id: opcode
        type: b4
        enum: opcode
        valid: {in-enum: true}
      - {id: is_masked, type: b1, doc: Clients must; servers must not.}
      - {id: short_length, type: b7}
      - {id: length_16, type: u2, if: short_length == 126}
      - {id: length_64, type: u8, if: short_length == 127}
      - {id: key, size: 4, if: is_masked}
      - id: masked
        size: length
        process: xor(key)
        if: is_masked
        type: {switch-on: opcode, cases: {'opcode::text': text, 'opcode::close': close}}
      - id: payload
        size: length
        if: not is_masked
        type: {switch-on: opcode, cases: {'opcode::text': text, 'opcode::close': close}}
    instances:
      length: {value: 'short_length < 126 ? short_length : short_length == 126 ? length_16 : length_64'}
    -webide-representation: '{masked}{payload}'
  text:
    seq:
      - {id: text, type: str, size-eos: true}
    -webide-representation: '{text}'
  close:
    seq:
      - {id: code, type: u2, if: not _io.eof}
      - {id: reason, type: str, size-eos: true}
    -webide-representation: '{code} {reason}'
enums:
  opcode:
    0: continuation
    1: text
    2: binary
    8: close
    9: ping
    10: pong
