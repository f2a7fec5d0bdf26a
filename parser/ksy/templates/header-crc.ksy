# A header with a check, and a check at the end. A check distinguishes a message from garbage better than anything else:
# with it, messages after damage are found, and a wrong length is not trusted.
meta:
  id: my_protocol
  title: Header and body with CRCs
  # The lowest byte first ('<' in Python's struct).
  endian: le
  -framescope:
    ports: 9000
    kind: kind
    # What must hold where a message begins. Both are tested together.
    believe: [magic, header_crc]
    summary: '{sequence} {body}'
seq:
  - id: magic
    contents: [0x5a, 0xa5]
  - id: kind
    type: u1
    enum: kind
  - id: flags
    type: flags
  - id: sequence
    type: u2
  - id: length
    type: u4
    valid: {max: 1048576}
  - id: header_crc
    type: u2
    # Over everything before it. The names are those of the CRC catalogue; binascii.crc_hqx is crc-16/xmodem.
    -check: crc-16/xmodem
  - id: body
    size: length
  - id: crc
    type: u4
    # zlib.crc32, over the whole message up to here.
    -check: crc-32
types:
  # One byte, bit by bit; the highest comes first. With 'bit-endian: le' in meta it is the lowest.
  flags:
    seq:
      - {id: reserved, type: b6, valid: 0}
      - {id: is_reply, type: b1}
      - {id: is_compressed, type: b1}
enums:
  kind:
    1: hello
    2: data
