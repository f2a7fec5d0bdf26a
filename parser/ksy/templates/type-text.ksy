# A kind byte and text up to the end: what a first socket program sends. Nothing says where a message ends, so it is
# whatever one send() wrote: 'segment-delimited'. That works on UDP; on TCP messages arrive glued or cut sooner or
# later, and no description can split them. Begin with 'framescope template length-prefixed' if you can change the program.
meta:
  id: my_protocol
  title: A kind and text
  encoding: UTF-8
  -framescope:
    # A message is what one TCP segment or UDP datagram holds.
    segment-delimited: true
    ports: 9000
    kind: kind
    summary: '{text}'
seq:
  - id: kind
    # One byte. With an enum numbers have names.
    type: u1
    enum: kind
  - id: text
    type: str
    # All that is left of the segment.
    size-eos: true
enums:
  kind:
    1: login
    2: logout
    3: data
