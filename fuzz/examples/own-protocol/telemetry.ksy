# What the sensors say: one description for the window, for captures, and for the fuzzer.
meta:
  id: telemetry
  title: Telemetry of sensors
  endian: le
  -framescope:
    kind: kind
    summary: '{body}'
seq:
  - {id: magic, contents: [0xA7]}
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: length, type: u2, valid: {max: 512}}
  - id: body
    size: length
    type:
      switch-on: kind
      cases:
        kind::reading: reading
        kind::name: name
  - {id: check, type: u2, -check: crc-16/kermit}
types:
  reading:
    seq:
      - {id: sensor, type: u2}
      - {id: values, type: s4, repeat: eos}
  name:
    seq:
      - {id: sensor, type: u2}
      - {id: text_length, type: u1}
      - {id: text, type: str, size: text_length, encoding: UTF-8}
enums:
  kind:
    1: reading
    2: name
    3: goodbye
