meta:
  id: yamux
  title: yamux, streams within one connection
  xref: {specification: https://github.com/hashicorp/yamux/blob/master/spec.md}
  endian: be
  -framescope:
    transport: tcp
    ports: 4100
    kind: kind
    believe: [version, kind]
    carries:
      field: bytes
      channel: stream
      begin: syn
      end: fin or rst
      if: kind == kind::data or kind == kind::window_update
seq:
  - {id: version, type: u1, valid: 0}
  - {id: kind, type: u1, enum: kind, valid: {in-enum: true}}
  - {id: unused, type: b12}
  - {id: rst, type: b1}
  - {id: fin, type: b1}
  - {id: ack, type: b1}
  - {id: syn, type: b1}
  - {id: stream, type: u4}
  - {id: length, type: u4, doc: 'Of data, how many bytes follow; else how much the window grows, what a ping is, or why the session ends.'}
  - {id: bytes, size: 'kind == kind::data ? length : 0'}
enums:
  kind: {0: data, 1: window_update, 2: ping, 3: go_away}
