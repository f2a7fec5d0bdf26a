# Modbus/TCP: an MBAP header and a function. Nothing in a message says whether it is a request or a response; where the
# length leaves a choice, the notes on the fields say what is assumed.
# Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b; MODBUS Application Protocol V1.1b3.
meta:
  id: modbus
  title: Modbus/TCP
  endian: be
  -framescope:
    transport: tcp
    ports: 502
    limit: 260
    kind: function
    summary: '{body}'
    # No reply is marked as one: a message is the reply to the one with its number that waits on the other side.
    id: transaction
seq:
  - id: transaction
    type: u2
    doc: The client numbers its requests; the response has the same number.
  - id: protocol
    type: u2
    valid: 0
  - id: length
    type: u2
    valid: {min: 2, max: 254}
    doc: Bytes after this field.
  - id: unit
    type: u1
    doc: The device behind a gateway.
  - id: is_exception
    type: b1
  - id: function
    type: b7
    enum: function
  - id: body
    size: length - 2
    type:
      switch-on: 'is_exception ? function::none : function'
      cases:
        function::none: exception
        function::read_coils: read_bits
        function::read_discrete_inputs: read_bits
        function::read_holding_registers: read_registers
        function::read_input_registers: read_registers
        function::write_single_coil: write_single
        function::write_single_register: write_single
        function::write_multiple_coils: write_multiple
        function::write_multiple_registers: write_multiple
types:
  exception:
    seq:
      - {id: code, type: u1, enum: exception}
    -webide-representation: 'exception {code}'
  range:
    seq:
      - {id: address, type: u2}
      - {id: count, type: u2}
    -webide-representation: '{count} at {address}'
  read_bits:
    doc: Four bytes are taken for a request; a reply of three bytes, 17 to 24 coils, has as many and is taken for one too.
    seq:
      - {id: request, type: range, if: _root.length == 6}
      - {id: byte_count, type: u1, if: _root.length != 6}
      - {id: values, size: byte_count, if: _root.length != 6}
    -webide-representation: '{request}{values}'
  read_registers:
    seq:
      - {id: request, type: range, if: _root.length == 6}
      - {id: byte_count, type: u1, if: _root.length != 6}
      - {id: registers, type: u2, repeat: expr, repeat-expr: byte_count / 2, if: _root.length != 6}
    -webide-representation: '{request}{registers}'
  write_single:
    seq:
      - {id: address, type: u2}
      - {id: value, type: u2}
    -webide-representation: '{value} at {address}'
  write_multiple:
    seq:
      - {id: range, type: range}
      - {id: byte_count, type: u1, if: _root.length != 6}
      - {id: values, size: byte_count, if: _root.length != 6}
    -webide-representation: '{range} {values}'
enums:
  function:
    0: none
    1: read_coils
    2: read_discrete_inputs
    3: read_holding_registers
    4: read_input_registers
    5: write_single_coil
    6: write_single_register
    15: write_multiple_coils
    16: write_multiple_registers
  exception:
    1: illegal_function
    2: illegal_data_address
    3: illegal_data_value
    4: server_device_failure
    5: acknowledge
    6: server_device_busy
