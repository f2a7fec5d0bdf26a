# The records of TLS, whose contents are encrypted: what other protocols change to (STARTTLS and the like).
# Source: RFC 8446, section 5.1.
meta:
  id: tls
  title: TLS records
  endian: be
  -framescope:
    kind: type
    summary: '{length} bytes'
seq:
  - {id: type, type: u1, enum: type, valid: {in-enum: true}}
  - {id: version, type: u2, -hex: true, valid: {min: 0x0300, max: 0x0304}, doc: 0x0303 in all versions since 1.2.}
  - {id: length, type: u2, valid: {max: 16640}}
  - {id: fragment, size: length}
enums:
  type:
    20: change_cipher_spec
    21: alert
    22: handshake
    23: application_data
