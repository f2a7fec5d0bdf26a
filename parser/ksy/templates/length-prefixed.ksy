# A header with a length, and as many bytes behind it: what struct.pack('>BI', kind, len(body)) + body sends.
#
# A .ksy file is YAML: what belongs together stands at the same distance from the left edge, and '#' begins a remark.
# 'framescope check FILE.ksy' tells mistakes with line and column; 'framescope check FILE.ksy capture.pcapng' tells how
# well it fits what was recorded.
meta:
  # The name of your protocol: small letters, digits and _.
  id: my_protocol
  title: What it is, in a line
  # Numbers of more bytes begin with the highest ('>' in Python's struct): be. Else: le.
  endian: be
  # What Framescope alone reads; Kaitai Struct ignores keys that begin with a minus.
  -framescope:
    # Where it usually is, so that no --as is needed.
    ports: 9000
    # The column 'kind', and what stands beside it.
    kind: kind
    summary: '{body}'
# The fields of a message, in their order.
seq:
  - id: kind
    # An unsigned number of one byte: u1. There are u1 u2 u4 u8, signed s1 s2 s4 s8, and floats f4 f8.
    type: u1
    # Numbers with names, listed at the end.
    enum: kind
    # What is not in the list is told as a problem, and tells garbage from a message.
    valid:
      in-enum: true
  - id: length
    type: u4
    # Without a limit any four bytes would be a length.
    valid:
      max: 1048576
    doc: Bytes of the body. Shown where someone points at the field.
  - id: body
    # As many bytes as the field above says. Sums are fine too: 'length - 4'.
    size: length
    # Text. Leave both lines away for bytes.
    type: str
    encoding: UTF-8
enums:
  kind:
    1: hello
    2: data
    3: bye
