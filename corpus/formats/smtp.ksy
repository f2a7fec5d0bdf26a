# SMTP: lines, but after the reply 354 the text of a mail up to a line with only a dot, and after 334 a line that is no
# command. A command with a chunk (BDAT) has the chunk behind its line.
# Sources: RFC 5321; RFC 3030 (CHUNKING); RFC 3207 (STARTTLS); RFC 4954 (AUTH).
meta:
  id: smtp
  title: SMTP
  endian: be
  encoding: UTF-8
  imports: [tls]
  -framescope:
    transport: tcp
    ports: [25, 587]
    conversation:
      variables:
        starts_tls: false
      client: command
      server: reply
      states:
        command:
          set: {starts_tls: line.kind == verb::starttls}
        authentication: {next: command}
        mail: {next: command}
        tls: {read: tls}
        reply:
          then:
            - {when: 'line[0].code == "354"', peer: mail}
            - {when: 'line[0].code == "334"', peer: authentication}
            - {when: 'line[0].code == "220" and _conversation.starts_tls', next: tls, peer: tls}
types:
  command:
    meta:
      -framescope:
        kind: line.kind
        summary: '{line}'
    seq:
      - {id: line, type: command_line, terminator: [13, 10]}
      - {id: chunk, size: line.chunk_size.to_i, if: line.has_chunk}
  command_line:
    seq:
      - {id: verb, type: str, terminator: 32, eos-error: false}
      - {id: chunk_size, type: str, terminator: 32, eos-error: false, if: has_chunk}
      - {id: parameter, type: str, size-eos: true}
    instances:
      first_letters: {pos: 0, type: u4, if: _io.size >= 4}
      # Upper and lower case are the same.
      kind: {value: first_letters & 0xdfdfdfdf, enum: verb, if: _io.size >= 4}
      has_chunk: {value: '_io.size >= 4 ? kind == verb::bdat : false'}
    -webide-representation: '{chunk_size} {parameter}'
  # What a client sends after 334, in base64, or * to give up.
  authentication:
    meta:
      -framescope:
        kind: kind
        summary: '{answer}'
    seq:
      - {id: answer, type: str, terminator: [13, 10]}
    instances:
      kind: {value: 'text::answer'}
  mail:
    meta:
      -framescope:
        kind: kind
        summary: '{line.size} lines'
    seq:
      - {id: line, type: str, terminator: [13, 10], repeat: until, repeat-until: _ == ".", doc: A dot that a line begins with is doubled.}
    instances:
      kind: {value: 'text::mail'}
  reply:
    meta:
      -framescope:
        kind: kind
        summary: '{text}'
    seq:
      - {id: line, type: reply_line, terminator: [13, 10], repeat: until, repeat-until: not _.continues}
    instances:
      text: {value: 'line[0].text'}
      kind: {value: 'line[0].code.to_i', enum: reply}
  reply_line:
    seq:
      - {id: code, type: str, size: 3, valid: {expr: '_ >= "200" and _ <= "599"'}}
      - {id: separator, type: str, size: 1, if: _io.size > 3, valid: {any-of: ['" "', '"-"']}}
      - {id: text, type: str, size-eos: true}
    instances:
      continues: {value: '_io.size > 3 ? separator == "-" : false'}
enums:
  verb:
    0x41555448: {id: auth, -orig-id: AUTH}
    0x42444154: {id: bdat, -orig-id: BDAT}
    0x44415441: {id: data, -orig-id: DATA}
    0x45484c4f: {id: ehlo, -orig-id: EHLO}
    0x4554524e: {id: etrn, -orig-id: ETRN}
    0x4558504e: {id: expn, -orig-id: EXPN}
    0x48454c4f: {id: helo, -orig-id: HELO}
    0x48454c50: {id: help, -orig-id: HELP}
    0x4d41494c: {id: mail, -orig-id: MAIL}
    0x4e4f4f50: {id: noop, -orig-id: NOOP}
    0x51554954: {id: quit, -orig-id: QUIT}
    0x52435054: {id: rcpt, -orig-id: RCPT}
    0x52534554: {id: rset, -orig-id: RSET}
    0x53544152: {id: starttls, -orig-id: STARTTLS}
    0x5455524e: {id: turn, -orig-id: TURN}
    0x56524659: {id: vrfy, -orig-id: VRFY}
  text:
    0: {id: answer, -orig-id: answer}
    1: {id: mail, -orig-id: mail}
  reply:
    211: {id: system_status, -orig-id: '211'}
    214: {id: help, -orig-id: '214'}
    220: {id: ready, -orig-id: '220'}
    221: {id: closing, -orig-id: '221'}
    235: {id: authenticated, -orig-id: '235'}
    250: {id: ok, -orig-id: '250'}
    251: {id: will_forward, -orig-id: '251'}
    252: {id: cannot_verify, -orig-id: '252'}
    334: {id: challenge, -orig-id: '334'}
    354: {id: start_mail_input, -orig-id: '354'}
    421: {id: not_available, -orig-id: '421'}
    432: {id: password_transition, -orig-id: '432'}
    450: {id: mailbox_busy, -orig-id: '450'}
    451: {id: local_error, -orig-id: '451'}
    452: {id: no_storage, -orig-id: '452'}
    454: {id: temporary_failure, -orig-id: '454'}
    455: {id: parameters_not_possible, -orig-id: '455'}
    500: {id: syntax_error, -orig-id: '500'}
    501: {id: parameter_error, -orig-id: '501'}
    502: {id: not_implemented, -orig-id: '502'}
    503: {id: bad_sequence, -orig-id: '503'}
    504: {id: parameter_not_implemented, -orig-id: '504'}
    530: {id: authentication_required, -orig-id: '530'}
    534: {id: mechanism_too_weak, -orig-id: '534'}
    535: {id: authentication_failed, -orig-id: '535'}
    538: {id: encryption_required, -orig-id: '538'}
    550: {id: mailbox_unavailable, -orig-id: '550'}
    551: {id: not_local, -orig-id: '551'}
    552: {id: storage_exceeded, -orig-id: '552'}
    553: {id: name_not_allowed, -orig-id: '553'}
    554: {id: transaction_failed, -orig-id: '554'}
    555: {id: parameters_unknown, -orig-id: '555'}
