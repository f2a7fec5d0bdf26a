# A header with a length, and as many bytes after it: what struct.pack('>BI', kind, len(body)) + body sends.
#
# A .ksy file is YAML: what belongs together has the same indentation, and '#' begins a comment.
# 'framescope check FILE.ksy' reports mistakes with line and column; 'framescope check FILE.ksy capture.pcapng' reports how
# well it fits what was recorded.
meta:
  # The name of your protocol: small letters, digits and _.
  id: my_protocol
  title: What it is, in a line
  # Numbers of more bytes begin with the highest ('>' in Python's struct): be. Else: le.
  endian: be
  # Only Framescope reads this; Kaitai Struct ignores keys that begin with a minus.
  -framescope:
    # Its usual port, so that no --as is needed.
    ports: 9000
    # The column 'kind', and the summary beside it.
    kind: kind
    summary: '{body}'
# The fields of a message, in their order.
seq:
  - id: kind
    # An unsigned number of one byte: u1. There are u1 u2 u4 u8, signed s1 s2 s4 s8, and floats f4 f8.
    type: u1
    # Numbers with names, listed at the end.
    enum: kind
    # What is not in the list is reported as a problem, and distinguishes garbage from a message.
    valid:
      in-enum: true
  - id: length
    type: u4
    # Without a limit any four bytes would be a length.
    valid:
      max: 1048576
    doc: Bytes of the body. Shown when the pointer is over the field.
  - id: body
    # As many bytes as the field above says. Sums are fine too: 'length - 4'.
    size: length
    # Text. Leave out both lines for bytes.
    type: str
    encoding: UTF-8
enums:
  kind:
    1: hello
    2: data
    3: bye
