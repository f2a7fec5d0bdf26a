# MQTT 3.1.1: a first byte, a length in groups of seven bits, and the contents of that kind of packet.
# Source: OASIS MQTT Version 3.1.1.
meta:
  id: mqtt
  title: MQTT 3.1.1
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 1883
    kind: kind
    summary: '{body}'
seq:
  - id: kind
    type: b4
    enum: kind
    valid: {in-enum: true}
  - id: dup
    type: b1
    doc: This PUBLISH was sent before.
  - id: qos
    type: b2
    valid: {max: 2}
    doc: 0 at most once, 1 at least once, 2 exactly once. SUBSCRIBE, UNSUBSCRIBE and PUBREL have 1 here always.
  - id: retain
    type: b1
  - id: length_groups
    type: length_group
    repeat: until
    repeat-until: not _.goes_on or _index == 3
    doc: Bytes after this field, seven bits of the number in each group, the lowest first.
  - id: body
    size: length
    type:
      switch-on: kind
      cases:
        kind::connect: connect
        kind::connack: connack
        kind::publish: publish
        kind::puback: acknowledgement
        kind::pubrec: acknowledgement
        kind::pubrel: acknowledgement
        kind::pubcomp: acknowledgement
        kind::subscribe: subscribe
        kind::suback: suback
        kind::unsubscribe: unsubscribe
        kind::unsuback: acknowledgement
        _: nothing
instances:
  length:
    value: >-
      length_groups[0].digits
      + (length_groups.size > 1 ? length_groups[1].digits << 7 : 0)
      + (length_groups.size > 2 ? length_groups[2].digits << 14 : 0)
      + (length_groups.size > 3 ? length_groups[3].digits << 21 : 0)
types:
  length_group:
    seq:
      - {id: goes_on, type: b1}
      - {id: digits, type: b7}
  text:
    seq:
      - {id: length, type: u2}
      - {id: text, type: str, size: length}
    -webide-representation: '{text}'
  blob:
    seq:
      - {id: length, type: u2}
      - {id: bytes, size: length}
    -webide-representation: '{bytes}'
  nothing:
    doc: PINGREQ, PINGRESP and DISCONNECT have no more than their first two bytes.
  connect:
    seq:
      - {id: protocol, type: text}
      - {id: level, type: u1, valid: 4}
      - {id: has_user, type: b1}
      - {id: has_password, type: b1}
      - {id: will_retain, type: b1}
      - {id: will_qos, type: b2}
      - {id: has_will, type: b1}
      - {id: clean_session, type: b1}
      - {id: reserved, type: b1, valid: false}
      - {id: keep_alive, type: u2, doc: Seconds.}
      - {id: client, type: text}
      - {id: will_topic, type: text, if: has_will}
      - {id: will_message, type: blob, if: has_will}
      - {id: user, type: text, if: has_user}
      - {id: password, type: blob, if: has_password}
    -webide-representation: 'client {client} {user}'
  connack:
    seq:
      - {id: reserved, type: b7, valid: 0}
      - {id: session_present, type: b1}
      - {id: code, type: u1, enum: connack}
    -webide-representation: '{code}'
  publish:
    seq:
      - {id: topic, type: text}
      - {id: packet, type: u2, if: _root.qos > 0}
      - {id: message, type: str, size-eos: true}
    -webide-representation: '{topic}: {message}'
  acknowledgement:
    seq:
      - {id: packet, type: u2}
    -webide-representation: 'packet {packet}'
  subscribe:
    seq:
      - {id: packet, type: u2}
      - {id: filter, type: filter, repeat: eos}
    -webide-representation: 'packet {packet}'
  filter:
    seq:
      - {id: topic, type: text}
      - {id: qos, type: u1, valid: {max: 2}}
  suback:
    seq:
      - {id: packet, type: u2}
      - {id: code, type: u1, enum: suback, repeat: eos}
    -webide-representation: 'packet {packet}: {code}'
  unsubscribe:
    seq:
      - {id: packet, type: u2}
      - {id: topic, type: text, repeat: eos}
    -webide-representation: 'packet {packet}'
enums:
  kind:
    1: {id: connect, -orig-id: CONNECT}
    2: {id: connack, -orig-id: CONNACK}
    3: {id: publish, -orig-id: PUBLISH}
    4: {id: puback, -orig-id: PUBACK}
    5: {id: pubrec, -orig-id: PUBREC}
    6: {id: pubrel, -orig-id: PUBREL}
    7: {id: pubcomp, -orig-id: PUBCOMP}
    8: {id: subscribe, -orig-id: SUBSCRIBE}
    9: {id: suback, -orig-id: SUBACK}
    10: {id: unsubscribe, -orig-id: UNSUBSCRIBE}
    11: {id: unsuback, -orig-id: UNSUBACK}
    12: {id: pingreq, -orig-id: PINGREQ}
    13: {id: pingresp, -orig-id: PINGRESP}
    14: {id: disconnect, -orig-id: DISCONNECT}
  connack:
    0: accepted
    1: unacceptable_protocol_version
    2: identifier_rejected
    3: server_unavailable
    4: bad_user_name_or_password
    5: not_authorized
  suback:
    0: at_most_once
    1: at_least_once
    2: exactly_once
    128: failure
