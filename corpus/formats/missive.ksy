# Missive, version 1, as FORMAT.md specifies it. The parser crate has a native reader of the same format; a test compares
# both on every capture of the corpus.
meta:
  id: missive
  title: Missive frames, described in .ksy
  endian: be
  encoding: UTF-8
  -framescope:
    transport: [tcp, udp]
    # The header, and 16 MiB of payload, and 64 KiB of extensions, and what follows them.
    limit: 16842811
    # A header is trusted if both of these hold ...
    believe: [magic, header_check]
    # ... and skipped if this does not.
    refuse: [payload_length]
    kind: kind
    summary: '{payload}'
doc-ref: FORMAT.md
seq:
  - id: magic
    type: u2
    valid: 0xf54d
    -hex: true
    doc: F5 occurs in no UTF-8 text.
  - id: version
    type: u1
    valid: 1
    -problem: unknown-version
  - id: kind
    type: u1
    enum: kind
    valid:
      expr: _.to_i >= 0x80 or (_.to_i >= 1 and _.to_i <= 7) or version != 1
    -problem: unknown-kind
  - id: flags
    type: u2
    -hex: true
    valid:
      expr: _ & 0xfff0 == 0
    -problem: reserved-flags
    doc: 1 CHECKSUM, 2 AUTH, 4 REPLY, 8 MORE
  - id: extensions_length
    type: u2
  - id: payload_length
    type: u4
    valid:
      max: 16777216
    -problem: payload-too-long
  - id: sequence
    type: u4
  - id: channel
    type: u2
  - id: header_check
    type: u2
    -check: crc-16/xmodem
    -problem: header-check-mismatch
  - id: extensions
    size: extensions_length
    type:
      switch-on: version
      cases:
        1: extensions
    if: extensions_length > 0
  - id: payload
    size: payload_length
    type:
      # By number: of another version nothing is known.
      switch-on: 'version == 1 ? kind.to_i : 0'
      cases:
        1: login
        2: reason
        3: data
        4: note
        5: error
        6: opaque
        7: opaque
  - id: tag
    size: 16
    if: flags & 2 != 0
    -check: {algorithm: hmac-sha-256, from: magic}
  - id: checksum
    type: u4
    if: flags & 1 != 0
    -check: {algorithm: crc-32, from: magic}
types:
  extensions:
    seq:
      - id: extension
        type: extension
        repeat: eos
  extension:
    seq:
      - id: is_critical
        type: b1
      - id: tag
        type: b7
      - id: length
        type: u2
        -problem: extension-overrun
      - id: value
        size: length
        type:
          switch-on: tag
          cases:
            1: timestamp
            2: text
            3: text
        -problem: extension-overrun
  timestamp:
    seq:
      - id: microseconds
        type: u8
        -problem: extension-size
  text:
    seq:
      - id: text
        type: str
        size-eos: true
  login:
    seq:
      - id: user_length
        type: u2
        -problem: payload-overrun
      - id: user
        type: str
        size: user_length
        -problem: payload-overrun
      - id: credential_length
        type: u2
        -problem: payload-overrun
      - id: credential
        size: credential_length
        -problem: payload-overrun
    -webide-representation: 'user {user}'
  reason:
    seq:
      - id: reason
        type: str
        size-eos: true
    -webide-representation: '{reason}'
  note:
    seq:
      - id: note
        type: str
        size-eos: true
    -webide-representation: '{note}'
  data:
    seq:
      - id: content
        type: str
        size-eos: true
    -webide-representation: '{content}'
  error:
    seq:
      - id: code
        type: u2
        -problem: payload-overrun
      - id: text
        type: str
        size-eos: true
    -webide-representation: '{code} {text}'
  opaque:
    seq:
      - id: bytes
        size-eos: true
        valid:
          expr: _.size <= 64
        -problem: ping-too-long
enums:
  kind:
    1: {id: login, -orig-id: LOGIN}
    2: {id: logout, -orig-id: LOGOUT}
    3: {id: data, -orig-id: DATA}
    4: {id: ack, -orig-id: ACK}
    5: {id: error, -orig-id: ERROR}
    6: {id: ping, -orig-id: PING}
    7: {id: pong, -orig-id: PONG}
