# A message that is a list of entries, each with a tag, a length and a value.
meta:
  id: my_protocol
  title: Tag, length, value
  endian: be
  -framescope:
    ports: 9000
    summary: '{entry}'
seq:
  - id: magic
    # Bytes that are always the same: by them the next message is found when something was lost.
    contents: [0xfe, 0xed]
  - id: length
    type: u2
  - id: entries
    # A part of the message with a known end: a fault in it does not affect what follows.
    size: length
    type: entries
instances:
  # A value that is computed, here for the summary: the first entry, if there is one.
  entry: {value: 'entries.entry[0]', if: length > 0}
types:
  entries:
    seq:
      - id: entry
        type: entry
        # Repeated up to the end of the part.
        repeat: eos
  entry:
    seq:
      - id: tag
        type: u1
        enum: tag
      - id: length
        type: u2
      - id: value
        size: length
        # What the bytes are depends on the tag. Tags that are not listed stay bytes.
        type:
          switch-on: tag
          cases:
            'tag::name': text
            'tag::count': number
    # An entry in a few words.
    -webide-representation: '{tag} {value}'
  text:
    seq:
      - {id: text, type: str, size-eos: true, encoding: UTF-8}
    -webide-representation: '{text}'
  number:
    seq:
      - {id: number, type: u4}
    -webide-representation: '{number}'
enums:
  tag:
    1: name
    2: count
