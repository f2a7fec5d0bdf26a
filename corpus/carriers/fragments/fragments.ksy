meta:
  id: fragments
  title: messages in numbered parts, each in a datagram
  endian: be
  -framescope:
    transport: udp
    ports: 30490
    carries:
      field: bytes
      protocol: someip
      message: number
      index: part
      count: parts
seq:
  - {id: magic, contents: FR}
  - {id: number, type: u2, doc: The number of the message.}
  - {id: part, type: u1}
  - {id: parts, type: u1, valid: {min: 1}}
  - {id: bytes, size-eos: true}
