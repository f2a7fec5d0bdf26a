# A notice board: who wants to post or read logs in first, and a picture comes in pieces after its announcement.
meta:
  id: board
  endian: be
  -framescope:
    ports: 7500
    conversation:
      client: [outside]
      server: [reply]
      states:
        outside:
          then:
            - when: kind == kind::login
              next: inside
        inside:
          then:
            - when: kind == kind::logout
              next: outside
            - when: kind == kind::picture
              next: piece
        piece:
          then:
            - when: length == 0
              next: inside
types:
  outside:
    meta:
      -framescope: {kind: kind, summary: '{kind} {text}', id: number, request: true}
    seq:
      - {id: kind, type: u1, enum: kind, valid: {any-of: [kind::login, kind::ping]}}
      - {id: number, type: u1}
      - {id: length, type: u2}
      - {id: text, size: length}
  inside:
    meta:
      -framescope: {kind: kind, summary: '{kind} {text}', id: number, request: true}
    seq:
      - {id: kind, type: u1, enum: kind, valid: {any-of: [kind::post, kind::read, kind::logout, kind::picture, kind::ping]}}
      - {id: number, type: u1}
      - {id: length, type: u2}
      - {id: text, size: length}
  piece:
    meta:
      -framescope: {kind: kind, summary: '{kind} {length}', id: number, request: true}
    seq:
      - {id: kind, type: u1, enum: kind, valid: {any-of: [kind::piece]}}
      - {id: number, type: u1}
      - {id: length, type: u2}
      - {id: data, size: length}
  reply:
    meta:
      -framescope: {kind: status, id: number, reply: true}
    seq:
      - {id: number, type: u1}
      - {id: status, type: u1, enum: status}
      - {id: length, type: u2}
      - {id: text, size: length}
enums:
  kind: {1: login, 2: post, 3: read, 4: logout, 5: picture, 6: piece, 7: ping}
  status: {0: ok, 1: refused}
