# RESP, version 2, as Redis speaks it: a sign, a line, and for some signs more values or bytes after it.
# Source: Redis serialization protocol specification.
meta:
  id: resp
  title: Redis (RESP)
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 6379
    limit: 536870976
    kind: value.sign
    summary: '{value}'
seq:
  - {id: value, type: value}
types:
  value:
    seq:
      - id: sign
        type: u1
        enum: sign
        valid: {any-of: [sign::text, sign::error, sign::integer, sign::bulk, sign::array]}
      - id: line
        type: str
        terminator: 13
        doc: The text, the number, or how many bytes or values follow; -1 where there is none.
      - {id: line_end, contents: [10]}
      - id: bytes
        type: str
        size: line.to_i
        if: sign == sign::bulk and line.to_i >= 0
      - id: end
        contents: [13, 10]
        if: sign == sign::bulk and line.to_i >= 0
      - id: item
        type: value
        repeat: expr
        repeat-expr: line.to_i
        if: sign == sign::array and line.to_i > 0
    instances:
      # What a person reads of it: the command of an array.
      first: {value: 'item[0].bytes', if: sign == sign::array and line.to_i > 0}
      second: {value: 'item[1].bytes', if: sign == sign::array and line.to_i > 1}
      shown: {value: 'sign == sign::bulk ? "" : line'}
    -webide-representation: '{shown} {bytes}{first} {second}'
enums:
  sign:
    0x2b: text
    0x2d: error
    0x3a: integer
    0x24: bulk
    0x2a: array
