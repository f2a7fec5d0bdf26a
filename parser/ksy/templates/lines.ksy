# Lines of text, each a message: a word, and what it is about.
meta:
  id: my_protocol
  title: Lines
  encoding: UTF-8
  -framescope:
    ports: 9000
    summary: '{line}'
    # What never ends is not a line.
    limit: 65536
seq:
  - id: line
    type: str
    # Up to this byte, which is not part of the text: 10 is the end of a line. For \r\n write [13, 10]; Kaitai Struct's own
    # compiler takes a single byte.
    terminator: 10
