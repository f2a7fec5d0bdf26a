# ZMTP 3.1, the wire protocol of ZeroMQ: a greeting of 64 bytes from both sides, then frames, of which the first are a handshake.
# Sources: 23/ZMTP 3.0, 37/ZMTP 3.1, 24/ZMTP-PLAIN and 26/CurveZMTP of rfc.zeromq.org.
meta:
  id: zmtp
  title: ZMTP 3.1
  endian: be
  -framescope:
    transport: tcp
    ports: 5555
    conversation:
      both: greeting
      middle: {client: traffic, server: traffic}
      states:
        greeting:
          then:
            - {when: mechanism == "CURVE", next: curve_handshake}
            - {when: true, next: handshake}
        handshake:
          read: frame
          then:
            - {when: command and (body.as<command>.name == "READY" or body.as<command>.name == "INITIATE"), next: traffic}
        traffic: {read: frame}
        curve_handshake:
          read: curve_frame
          then:
            - {when: command and (body.as<curve_command>.name == "READY" or body.as<curve_command>.name == "INITIATE"), next: curve_traffic}
        curve_traffic: {read: curve_frame}
types:
  greeting:
    meta:
      -framescope:
        kind: kind
        summary: '{version_major}.{version_minor} {mechanism}'
        believe: [signature]
    seq:
      - {id: signature, contents: [0xff]}
      - {id: padding, size: 8, doc: Anything here; libzmq writes the length of an identity of ZMTP 1.0.}
      - {id: signature_end, contents: [0x7f]}
      - {id: version_major, type: u1, valid: 3}
      - {id: version_minor, type: u1}
      - {id: mechanism, type: str, size: 20, pad-right: 0, encoding: ASCII}
      - {id: as_server, type: u1, valid: {max: 1}, doc: For PLAIN and CURVE; 0 for NULL.}
      - {id: filler, size: 31}
    instances:
      kind: {value: kind::greeting}
  frame:
    meta:
      -framescope: {kind: kind, summary: '{body}'}
    seq:
      - {id: reserved, type: b5, valid: 0}
      - {id: command, type: b1}
      - {id: long, type: b1, doc: The size has eight bytes.}
      - {id: more, type: b1, doc: The next frame belongs to the same message.}
      - id: size
        type:
          switch-on: long
          cases: {true: u8, false: u1}
        valid: {max: 16777216}
      - id: body
        size: size
        type:
          switch-on: command
          cases: {true: command}
    instances:
      kind: {value: 'command ? kind::command : kind::message'}
  curve_frame:
    meta:
      -framescope: {kind: kind, summary: '{body}'}
    seq:
      - {id: reserved, type: b5, valid: 0}
      - {id: command, type: b1}
      - {id: long, type: b1, doc: The size has eight bytes.}
      - {id: more, type: b1, doc: The next frame belongs to the same message.}
      - id: size
        type:
          switch-on: long
          cases: {true: u8, false: u1}
        valid: {max: 16777216}
      - id: body
        size: size
        type:
          switch-on: command
          cases: {true: curve_command, false: encrypted}
    instances:
      kind: {value: 'command ? kind::command : kind::encrypted'}
  command:
    seq:
      - {id: name_size, type: u1, doc: 'libzmq writes "^RROR" for "\x05ERROR" when it refuses a password, 94 and four letters.'}
      - {id: name, type: str, size: 'name_size == 94 ? 4 : name_size', encoding: ASCII}
      - id: data
        size-eos: true
        type:
          switch-on: name
          cases:
            '"READY"': metadata
            '"ERROR"': error
            '"RROR"': error
            '"SUBSCRIBE"': subscription
            '"CANCEL"': subscription
            '"PING"': ping
            '"PONG"': pong
            '"HELLO"': plain_hello
            '"INITIATE"': metadata
    -webide-representation: '{name} {data}'
  curve_command:
    seq:
      - {id: name_size, type: u1}
      - {id: name, type: str, size: name_size, encoding: ASCII}
      - id: data
        size-eos: true
        type:
          switch-on: name
          cases:
            '"HELLO"': curve_hello
            '"WELCOME"': curve_welcome
            '"INITIATE"': curve_initiate
            '"READY"': curve_ready
            '"ERROR"': error
    -webide-representation: '{name} {data}'
  metadata:
    seq:
      - {id: property, type: property, repeat: eos}
    -webide-representation: '{property[0]} {property[1]}'
  property:
    seq:
      - {id: name_size, type: u1}
      - {id: name, type: str, size: name_size, encoding: ASCII}
      - {id: value_size, type: u4}
      - id: value
        size: value_size
        type:
          switch-on: name
          cases:
            '"Socket-Type"': text
            _: blob
    -webide-representation: '{name}={value}'
  text:
    seq:
      - {id: text, type: str, size-eos: true, encoding: ASCII}
    -webide-representation: '{text}'
  blob:
    seq:
      - {id: data, size-eos: true}
    -webide-representation: '{data}'
  error:
    seq:
      - {id: reason_size, type: u1}
      - {id: reason, type: str, size: reason_size, encoding: ASCII, doc: 'Text, or a status code of three digits.'}
    -webide-representation: '{reason}'
  subscription:
    seq:
      - {id: prefix, size-eos: true, doc: 'Of the messages that are wanted, or no longer.'}
    -webide-representation: '{prefix}'
  ping:
    seq:
      - {id: ttl, type: u2, doc: Tenths of a second after which the sender may be taken for lost.}
      - {id: context, size-eos: true, valid: {expr: _.length <= 16}}
    -webide-representation: '{ttl} {context}'
  pong:
    seq:
      - {id: context, size-eos: true, doc: That of the PING.}
    -webide-representation: '{context}'
  plain_hello:
    seq:
      - {id: username_size, type: u1}
      - {id: username, type: str, size: username_size, encoding: UTF-8}
      - {id: password_size, type: u1}
      - {id: password, type: str, size: password_size, encoding: UTF-8}
    -webide-representation: '{username}'
  curve_hello:
    seq:
      - {id: version, contents: [1, 0]}
      - {id: padding, size: 72}
      - {id: client_key, size: 32, doc: "The client's transient public key, C'."}
      - {id: nonce, size: 8}
      - {id: signature, size: 80}
    -webide-representation: '{client_key}'
  curve_welcome:
    seq:
      - {id: nonce, size: 16}
      - {id: box, size: 144, doc: "The server's transient key and a cookie."}
    -webide-representation: '{nonce}'
  curve_initiate:
    seq:
      - {id: cookie, size: 96}
      - {id: nonce, size: 8}
      - {id: box, size-eos: true, doc: "The client's permanent key, a vouch, and metadata."}
    -webide-representation: '{nonce}'
  curve_ready:
    seq:
      - {id: nonce, size: 8}
      - {id: box, size-eos: true, doc: Metadata.}
    -webide-representation: '{nonce}'
  encrypted:
    seq:
      - {id: name, contents: [7, MESSAGE]}
      - {id: nonce, size: 8}
      - {id: box, size-eos: true, doc: One byte of flags and the data of the frame.}
    -webide-representation: 'MESSAGE {nonce}'
enums:
  kind:
    0: greeting
    1: command
    2: message
    3: encrypted
