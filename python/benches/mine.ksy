# What the comparison reads: the template "length-prefixed" with a number to tell messages by and a check.
meta:
  id: mine
  endian: be
  -framescope:
    ports: 9000
    kind: kind
    summary: '{id} {text}'
seq:
  - id: kind
    type: u1
    enum: kind
    valid:
      in-enum: true
  - id: length
    type: u2
  - id: id
    type: u4
  - id: text
    type: str
    size: length
    encoding: UTF-8
  - id: check
    type: u4
    -check: crc-32
enums:
  kind:
    1: login
    2: logout
    3: data
