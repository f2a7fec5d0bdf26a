# JSON with its length before it, as many home-made protocols send it.
meta:
  id: json_prefixed
  title: JSON with a length
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 7400
    summary: '{body}'
seq:
  - id: length
    type: u4
    # Without a limit four bytes of anything would be a length.
    valid: {min: 2, max: 1048576}
  - id: body
    type: str
    size: length
