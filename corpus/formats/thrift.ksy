# Thrift's binary protocol in frames: a call's name, and values of self-describing types that contain one another.
# Source: Apache Thrift, doc/specs/thrift-binary-protocol.md and thrift-rpc.md.
meta:
  id: thrift
  title: Thrift (framed binary)
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 9090
    kind: kind
    summary: '{message}'
    id: message.sequence
    reply: kind == kind::reply or kind == kind::exception
    request: kind == kind::call
seq:
  - {id: length, type: u4, valid: {min: 9, max: 16384000}, doc: The usual limit of the libraries.}
  - {id: message, type: message, size: length}
instances:
  kind: {value: message.kind}
types:
  message:
    seq:
      - id: head
        type: u4
        -hex: true
        valid: {expr: '_ < 0x80000000 or _ >> 16 == 0x8001'}
        doc: In strict messages 0x8001 and the kind; in older ones the length of the name.
      - {id: name_length, type: s4, if: is_strict}
      - {id: name, type: str, size: 'is_strict ? name_length : head'}
      - {id: lax_kind, type: u1, if: not is_strict}
      - {id: sequence, type: s4}
      - {id: arguments, type: struct}
    instances:
      is_strict: {value: head >= 0x80000000}
      kind:
        value: 'is_strict ? head & 0xff : lax_kind'
        enum: kind
        valid: {in-enum: true}
      # What a person reads of it.
      first: {value: 'arguments.field[0].value', if: arguments.field.size > 1}
      second: {value: 'arguments.field[1].value', if: arguments.field.size > 2}
    -webide-representation: '{name} {first} {second}'
  struct:
    seq:
      - {id: field, type: field, repeat: until, repeat-until: _.type == type::stop}
    -webide-representation: '{field.size} fields'
  field:
    seq:
      - {id: type, type: u1, enum: type, valid: {in-enum: true}}
      - {id: id, type: s2, if: type != type::stop, doc: In a reply 0 is the result; other numbers are exceptions.}
      - {id: value, type: value(type), if: type != type::stop}
    -webide-representation: '{value}'
  value:
    params:
      - {id: type, type: u1, enum: type}
    seq:
      - {id: bool, type: u1, if: type == type::bool}
      - {id: i8, type: s1, if: type == type::i8}
      - {id: i16, type: s2, if: type == type::i16}
      - {id: i32, type: s4, if: type == type::i32}
      - {id: i64, type: s8, if: type == type::i64}
      - {id: double, type: f8, if: type == type::double}
      - {id: string, type: string, if: type == type::string}
      - {id: struct, type: struct, if: type == type::struct}
      - {id: list, type: list, if: type == type::list}
      - {id: set, type: list, if: type == type::set}
      - {id: map, type: map, if: type == type::map}
      - {id: uuid, size: 16, if: type == type::uuid}
    -webide-representation: '{bool}{i8}{i16}{i32}{i64}{double}{string}{struct}{list}{set}{map}{uuid}'
  string:
    seq:
      - {id: length, type: s4, valid: {min: 0}}
      - {id: bytes, size: length}
    instances:
      # The protocol does not tell text from other bytes.
      text: {value: 'bytes.to_s("UTF-8")', if: 'length > 0 and bytes.min >= 9 and bytes.max < 0xf5'}
    -webide-representation: '{text}'
  list:
    seq:
      - {id: item_type, type: u1, enum: type, valid: {in-enum: true}}
      - {id: size, type: s4, valid: {min: 0}}
      - {id: item, type: value(item_type), repeat: expr, repeat-expr: size}
    -webide-representation: '{size} items'
  map:
    seq:
      - {id: key_type, type: u1, enum: type}
      - {id: value_type, type: u1, enum: type}
      - {id: size, type: s4, valid: {min: 0}}
      - {id: entry, type: 'entry(key_type, value_type)', repeat: expr, repeat-expr: size}
    -webide-representation: '{size} entries'
  entry:
    params:
      - {id: key_type, type: u1, enum: type}
      - {id: value_type, type: u1, enum: type}
    seq:
      - {id: key, type: value(key_type)}
      - {id: value, type: value(value_type)}
    -webide-representation: '{key} {value}'
enums:
  kind:
    1: call
    2: reply
    3: exception
    4: oneway
  type:
    0: stop
    2: bool
    3: i8
    4: double
    6: i16
    8: i32
    10: i64
    11: string
    12: struct
    13: map
    14: set
    15: list
    16: uuid
