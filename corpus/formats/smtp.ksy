# SMTP: lines, but after the reply 354 the text of a mail up to a line with only a dot, and after 334 a line that is no
# command. A command with a chunk (BDAT) has the chunk behind its line.
# Sources: RFC 5321; RFC 3030 (CHUNKING); RFC 3207 (STARTTLS); RFC 4954 (AUTH).
meta:
  id: smtp
  title: SMTP
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
          set: {starts_tls: 'line.verb == "STARTTLS" or line.verb == "starttls"'}
        authentication: {next: command}
        mail: {next: command}
        tls: {read: tls}
        reply:
          then:
            - {when: line[0].code == "354", peer: mail}
            - {when: line[0].code == "334", peer: authentication}
            - {when: line[0].code == "220" and _conversation.starts_tls, next: tls, peer: tls}
types:
  command:
    meta:
      -framescope:
        kind: line.verb
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
      has_chunk: {value: verb == "BDAT" or verb == "bdat"}
    -webide-representation: '{chunk_size} {parameter}'
  # What a client sends after 334, in base64, or * to give up.
  authentication:
    meta:
      -framescope:
        summary: '{answer}'
    seq:
      - {id: answer, type: str, terminator: [13, 10]}
  mail:
    meta:
      -framescope:
        summary: '{line.size} lines'
    seq:
      - {id: line, type: str, terminator: [13, 10], repeat: until, repeat-until: _ == ".", doc: A dot that a line begins with is doubled.}
  reply:
    meta:
      -framescope:
        kind: line[0].code
        summary: '{text}'
    seq:
      - {id: line, type: reply_line, terminator: [13, 10], repeat: until, repeat-until: not _.continues}
    instances:
      text: {value: 'line[0].text'}
  reply_line:
    seq:
      - {id: code, type: str, size: 3, valid: {expr: '_ >= "200" and _ <= "599"'}}
      - {id: separator, type: str, size: 1, if: _io.size > 3, valid: {any-of: ['" "', '"-"']}}
      - {id: text, type: str, size-eos: true}
    instances:
      continues: {value: '_io.size > 3 ? separator == "-" : false'}
