# JSON with its length before it.
meta:
  id: my_protocol
  title: JSON with a length
  endian: be
  encoding: UTF-8
  -framescope:
    ports: 9000
    summary: '{body}'
seq:
  - id: length
    type: u4
    # {} is the shortest there is. A sender that counts characters instead of bytes shows as messages that are cut.
    valid: {min: 2, max: 1048576}
  - id: body
    type: str
    size: length
