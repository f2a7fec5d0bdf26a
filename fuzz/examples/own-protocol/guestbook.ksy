# A guest book: the client's version decides about the sizes of lengths, and after an attachment come the pieces of a file.
meta:
  id: guestbook
  endian: be
  -framescope:
    ports: 7400
    conversation:
      variables:
        wide: false
        asked: {}
      client: [hello, request]
      server: [welcome, reply]
      states:
        hello:
          set: {wide: version >= 2}
        request:
          set: {'asked[number]': kind}
          then:
            - when: kind == kind::attach
              next: file
        file:
          then:
            - when: length == 0
              next: request
types:
  hello:
    seq:
      - {id: magic, contents: GB}
      - {id: version, type: u1}
  welcome:
    seq:
      - {id: banner, type: str, encoding: UTF-8, terminator: 0x0a}
  request:
    meta:
      -framescope: {kind: kind, summary: '{kind} {text}', id: number, request: true}
    seq:
      - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
      - {id: number, type: u2}
      - {id: length, type: {switch-on: _conversation.wide, cases: {true: u2, false: u1}}}
      - {id: text, type: str, size: length, encoding: UTF-8}
  file:
    seq:
      - {id: length, type: u2}
      - {id: data, size: length}
  reply:
    meta:
      -framescope: {kind: answered, id: number, reply: true}
    seq:
      - {id: number, type: u2}
      - {id: status, type: u1, enum: status}
    instances:
      answered: {value: '_conversation.asked[number]', enum: kind}
enums:
  kind: {1: sign, 2: read, 3: attach}
  status: {0: ok, 1: refused}
