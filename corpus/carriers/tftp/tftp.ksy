meta:
  id: tftp
  title: TFTP (RFC 1350, with the options of RFC 2347 and 2348)
  endian: be
  encoding: ASCII
  -framescope:
    transport: udp
    ports: 69
    kind: opcode
    conversation:
      variables:
        block_size: 512
      both: packet
      states:
        packet:
          then:
            - when: opcode == opcode::oack
              set: {block_size: body.as<options>.block_size}
types:
  packet:
    seq:
      - {id: opcode, type: u2, enum: opcode, valid: {in-enum: true}}
      - id: body
        type:
          switch-on: opcode
          cases:
            opcode::rrq: request
            opcode::wrq: request
            opcode::data: data
            opcode::ack: ack
            opcode::error: error
            opcode::oack: options
  request:
    seq:
      - {id: file, type: strz}
      - {id: mode, type: strz}
      - {id: options, type: options}
  data:
    doc: A block of the file. The first has the number 1, and one that is shorter than the others is the last.
    meta:
      -framescope:
        carries:
          field: bytes
          name: file
          index: block
          from: 1
          wraps: 65536
          begin: block == 1
          end: bytes.size < _conversation.block_size
    seq:
      - {id: block, type: u2}
      - {id: bytes, size-eos: true}
  ack:
    seq:
      - {id: block, type: u2}
  error:
    seq:
      - {id: code, type: u2, enum: error}
      - {id: text, type: strz}
  options:
    seq:
      - {id: list, type: option, repeat: eos}
    instances:
      block_size:
        value: 'list.size > 0 and list[0].is_block_size ? list[0].value.to_i : list.size > 1 and list[1].is_block_size ? list[1].value.to_i : 512'
  option:
    seq:
      - {id: name, type: strz}
      - {id: value, type: strz}
    instances:
      is_block_size: {value: 'name == "blksize"'}
enums:
  opcode: {1: rrq, 2: wrq, 3: data, 4: ack, 5: error, 6: oack}
  error:
    0: undefined
    1: file_not_found
    2: access_violation
    3: disk_full
    4: illegal_operation
    5: unknown_transfer
    6: file_exists
    7: no_such_user
    8: refused_options
