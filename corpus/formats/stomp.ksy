# STOMP 1.0 to 1.2: a command, headers, an empty line, and a body that ends with a NUL or after the length in a header. A line
# end alone, between frames, is a heartbeat.
# Source: stomp.github.io, the STOMP protocol specification, version 1.2.
meta:
  id: stomp
  title: STOMP 1.2
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 61613
    kind: kind
    summary: '{frame}'
seq:
  - {id: end_of_line, type: end_of_line, if: is_end_of_line, doc: A heartbeat.}
  - {id: frame, type: frame, if: not is_end_of_line}
instances:
  first: {pos: 0, type: u1}
  is_end_of_line: {value: first == 0x0a or first == 0x0d}
  kind:
    value: >-
      is_end_of_line ? 0
      : frame.command.text == "CONNECT" ? 1
      : frame.command.text == "STOMP" ? 2
      : frame.command.text == "CONNECTED" ? 3
      : frame.command.text == "SEND" ? 4
      : frame.command.text == "SUBSCRIBE" ? 5
      : frame.command.text == "UNSUBSCRIBE" ? 6
      : frame.command.text == "ACK" ? 7
      : frame.command.text == "NACK" ? 8
      : frame.command.text == "BEGIN" ? 9
      : frame.command.text == "COMMIT" ? 10
      : frame.command.text == "ABORT" ? 11
      : frame.command.text == "DISCONNECT" ? 12
      : frame.command.text == "MESSAGE" ? 13
      : frame.command.text == "RECEIPT" ? 14
      : frame.command.text == "ERROR" ? 15
      : 16
    enum: kind
types:
  end_of_line:
    seq:
      - {id: carriage_return, contents: [0x0d], if: first == 0x0d}
      - {id: line_feed, contents: [0x0a]}
    instances:
      first: {pos: _io.pos, type: u1}
  frame:
    seq:
      - {id: command, type: command, terminator: 0x0a}
      - id: header
        type: 'header(_index == 0 ? -1 : header[_index - 1].length)'
        repeat: until
        repeat-until: _.is_end
        doc: The last is the empty line after the headers.
      - {id: body, size: length, if: length >= 0}
      - {id: end_of_body, contents: [0], if: length >= 0}
      - {id: text, type: str, terminator: 0, if: length < 0, doc: A body without a content-length has no NUL in it.}
    instances:
      length: {value: 'header[header.size - 1].before', doc: 'Bytes of the body, or -1 if no header says.'}
    -webide-representation: '{command} {header[0]} {header[1]} {header[2]} {body}{text}'
  command:
    seq:
      - id: text
        type: str
        terminator: 0x0d
        consume: false
        eos-error: false
        valid:
          any-of: ['"CONNECT"', '"STOMP"', '"CONNECTED"', '"SEND"', '"SUBSCRIBE"', '"UNSUBSCRIBE"', '"ACK"', '"NACK"', '"BEGIN"', '"COMMIT"', '"ABORT"', '"DISCONNECT"', '"MESSAGE"', '"RECEIPT"', '"ERROR"']
      - {id: carriage_return, contents: [0x0d], if: not _io.eof}
    -webide-representation: '{text}'
  line:
    seq:
      - {id: text, type: str, terminator: 0x0d, consume: false, eos-error: false}
      - {id: carriage_return, contents: [0x0d], if: not _io.eof}
    -webide-representation: '{text}'
  header:
    doc: 'In a value \n is a line end, \c a colon and \\ a backslash, but not in CONNECT and CONNECTED.'
    params:
      - {id: before, type: s4, doc: The length that an earlier header gives. The first one counts.}
    seq:
      - {id: name, type: str, terminator: 0x3a, if: not is_end}
      - {id: value, type: line, terminator: 0x0a, if: not is_end}
      - {id: end, type: end_of_line, if: is_end}
    instances:
      first: {pos: _io.pos, type: u1}
      is_end: {value: first == 0x0a or first == 0x0d}
      length: {value: 'before < 0 and name == "content-length" ? value.text.to_i : before'}
    -webide-representation: '{name} {value}'
enums:
  kind:
    0: end_of_line
    1: {id: connect, -orig-id: CONNECT}
    2: {id: stomp, -orig-id: STOMP}
    3: {id: connected, -orig-id: CONNECTED}
    4: {id: send, -orig-id: SEND}
    5: {id: subscribe, -orig-id: SUBSCRIBE}
    6: {id: unsubscribe, -orig-id: UNSUBSCRIBE}
    7: {id: ack, -orig-id: ACK}
    8: {id: nack, -orig-id: NACK}
    9: {id: begin, -orig-id: BEGIN}
    10: {id: commit, -orig-id: COMMIT}
    11: {id: abort, -orig-id: ABORT}
    12: {id: disconnect, -orig-id: DISCONNECT}
    13: {id: message, -orig-id: MESSAGE}
    14: {id: receipt, -orig-id: RECEIPT}
    15: {id: error, -orig-id: ERROR}
    16: other
