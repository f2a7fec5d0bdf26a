# A chat: a kind, a number that the reply repeats, and a text with its length before it.
meta:
  id: chat
  title: The chat of the tutorial
  endian: be
  -framescope:
    ports: 9000
    kind: kind
    id: number
    reply: kind == kind::ok
    summary: '{text}'
seq:
  - id: kind
    type: u1
    enum: kind
    valid:
      in-enum: true
  - id: number
    type: u2
  - id: length
    type: u2
  - id: text
    type: str
    size: length
    encoding: UTF-8
enums:
  kind:
    1: login
    2: say
    3: bye
    4: ok
