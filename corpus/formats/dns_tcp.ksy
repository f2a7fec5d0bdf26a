# DNS over TCP: a length, and a message as RFC 1035 has it.
# Source: RFC 1035, RFC 3596 (AAAA), RFC 6891 (EDNS).
meta:
  id: dns_tcp
  title: DNS over TCP
  endian: be
  encoding: ASCII
  -framescope:
    transport: tcp
    ports: 53
    kind: message.opcode
    summary: '{message}'
    id: message.id
    request: not message.is_response
    reply: message.is_response
seq:
  - {id: length, type: u2, valid: {min: 12}}
  - {id: message, type: message, size: length}
types:
  message:
    seq:
      - {id: id, type: u2, -hex: true}
      - {id: is_response, type: b1}
      - {id: opcode, type: b4, enum: opcode}
      - {id: authoritative, type: b1}
      - {id: truncated, type: b1}
      - {id: recursion_desired, type: b1}
      - {id: recursion_available, type: b1}
      - {id: reserved, type: b1, valid: false}
      - {id: authentic_data, type: b1}
      - {id: checking_disabled, type: b1}
      - {id: response_code, type: b4, enum: response_code}
      - {id: question_count, type: u2}
      - {id: answer_count, type: u2}
      - {id: authority_count, type: u2}
      - {id: additional_count, type: u2}
      - {id: question, type: question, repeat: expr, repeat-expr: question_count}
      - {id: answer, type: record, repeat: expr, repeat-expr: answer_count}
      - {id: authority, type: record, repeat: expr, repeat-expr: authority_count}
      - {id: additional, type: record, repeat: expr, repeat-expr: additional_count}
    instances:
      asked: {value: 'question[0]', if: question_count > 0}
      answered: {value: 'answer[0]', if: answer_count > 0}
    -webide-representation: '{asked} {answered}'
  name:
    doc: Labels up to an empty one, or up to a pointer to the rest.
    seq:
      - id: label
        type: label
        repeat: until
        repeat-until: _.length == 0 or _.is_pointer
    -webide-representation: '{label[0]}'
  label:
    seq:
      - {id: form, type: b2, enum: label_form}
      - {id: length, type: b6}
      - {id: pointer_low, type: u1, if: is_pointer}
      - {id: text, type: str, size: length, if: not is_pointer}
    instances:
      is_pointer: {value: form == label_form::pointer}
      pointer:
        value: length << 8 | pointer_low
        if: is_pointer
        doc: Where in the message the rest of the name is.
    -webide-representation: '{text}'
  question:
    seq:
      - {id: name, type: name}
      - {id: type, type: u2, enum: type}
      - {id: class, type: u2, enum: class}
    -webide-representation: '{type} {name}'
  record:
    seq:
      - {id: name, type: name}
      - {id: type, type: u2, enum: type}
      - {id: class, type: u2, enum: class}
      - {id: ttl, type: u4, doc: Seconds.}
      - {id: length, type: u2}
      - id: data
        size: length
        type:
          switch-on: type
          cases:
            type::a: address
            type::ns: name
            type::cname: name
            type::ptr: name
            type::mx: mail_exchange
            type::txt: texts
            type::soa: authority
    -webide-representation: '{type} {data}'
  address:
    seq:
      - {id: part, type: u1, repeat: expr, repeat-expr: 4}
    -webide-representation: '{part[0]}.{part[1]}.{part[2]}.{part[3]}'
  mail_exchange:
    seq:
      - {id: preference, type: u2}
      - {id: name, type: name}
    -webide-representation: '{preference} {name}'
  texts:
    seq:
      - {id: text, type: text, repeat: eos}
    -webide-representation: '{text[0].text}'
  text:
    seq:
      - {id: length, type: u1}
      - {id: text, type: str, size: length, encoding: UTF-8}
  authority:
    seq:
      - {id: server, type: name}
      - {id: mailbox, type: name}
      - {id: serial, type: u4}
      - {id: refresh, type: u4}
      - {id: retry, type: u4}
      - {id: expire, type: u4}
      - {id: minimum, type: u4}
    -webide-representation: 'serial {serial}'
enums:
  opcode: {0: query, 1: inverse_query, 2: status, 4: notify, 5: update}
  response_code: {0: no_error, 1: format_error, 2: server_failure, 3: name_error, 4: not_implemented, 5: refused}
  label_form: {0: text, 3: pointer}
  class: {1: internet, 3: chaos, 255: any}
  type:
    1: {id: a, -orig-id: A}
    2: {id: ns, -orig-id: NS}
    5: {id: cname, -orig-id: CNAME}
    6: {id: soa, -orig-id: SOA}
    12: {id: ptr, -orig-id: PTR}
    15: {id: mx, -orig-id: MX}
    16: {id: txt, -orig-id: TXT}
    28: {id: aaaa, -orig-id: AAAA}
    33: {id: srv, -orig-id: SRV}
    41: {id: opt, -orig-id: OPT}
    252: {id: axfr, -orig-id: AXFR}
    255: {id: any, -orig-id: ANY}
