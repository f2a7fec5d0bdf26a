# SOME/IP as cars' computers call each other's services: a header of 16 bytes, and arguments that only the service knows.
# Source: AUTOSAR SOME/IP Protocol Specification, R22-11.
meta:
  id: someip
  title: SOME/IP
  endian: be
  -framescope:
    transport: [tcp, udp]
    ports: 30509
    limit: 1048576
    believe: [protocol_version, message_type]
    kind: message_type
    summary: 'service {service:hex} method {method:hex} {return_code} {payload}'
    id: client << 16 | session
    request: message_type == message_type::request
    reply: message_type == message_type::response or message_type == message_type::error
seq:
  - {id: service, type: u2, -hex: true}
  - {id: method, type: u2, -hex: true, doc: 'From 0x8000 on it is an event, sent without a request.'}
  - id: length
    type: u4
    valid: {min: 8, max: 1048568}
    doc: Bytes after this field.
  - {id: client, type: u2, -hex: true}
  - {id: session, type: u2}
  - {id: protocol_version, type: u1, valid: 1}
  - {id: interface_version, type: u1}
  - id: message_type
    type: u1
    enum: message_type
    valid: {any-of: [message_type::request, message_type::request_no_return, message_type::notification, message_type::response, message_type::error]}
  - {id: return_code, type: u1, enum: return_code}
  - {id: payload, size: length - 8}
enums:
  message_type:
    0x00: {id: request, -orig-id: REQUEST}
    0x01: {id: request_no_return, -orig-id: REQUEST_NO_RETURN}
    0x02: {id: notification, -orig-id: NOTIFICATION}
    0x80: {id: response, -orig-id: RESPONSE}
    0x81: {id: error, -orig-id: ERROR}
  return_code:
    0: {id: e_ok, -orig-id: E_OK}
    1: {id: e_not_ok, -orig-id: E_NOT_OK}
    2: {id: e_unknown_service, -orig-id: E_UNKNOWN_SERVICE}
    3: {id: e_unknown_method, -orig-id: E_UNKNOWN_METHOD}
    4: {id: e_not_ready, -orig-id: E_NOT_READY}
    8: {id: e_wrong_interface_version, -orig-id: E_WRONG_INTERFACE_VERSION}
    9: {id: e_malformed_message, -orig-id: E_MALFORMED_MESSAGE}
