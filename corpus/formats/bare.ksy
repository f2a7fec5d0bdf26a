# What a first socket program speaks: a kind byte, then text to the end of whatever was received.
meta:
  id: bare
  title: One kind byte, then text, described in .ksy
  encoding: UTF-8
  -framescope:
    segment-delimited: true
    kind: kind
    summary: '{text}'
seq:
  - id: kind
    type: u1
    enum: kind
    valid:
      in-enum: true
    -problem: unknown-kind
  - id: text
    type: str
    size-eos: true
enums:
  kind:
    1: {id: login, -orig-id: LOGIN, doc: A user comes.}
    2: {id: logout, -orig-id: LOGOUT, doc: A user goes.}
    3: {id: data, -orig-id: DATA, doc: A user says something.}
