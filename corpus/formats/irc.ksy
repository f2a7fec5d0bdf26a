# IRC: lines of a source, a command and its parameters. A client first registers; the server's 001 says that it has.
# Sources: RFC 1459, RFC 2812, and the message tags of IRCv3.
meta:
  id: irc
  title: IRC
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 6667
    kind: line.command
    summary: '{line}'
seq:
  - {id: line, type: line, terminator: 13}
  - {id: line_end, contents: [10]}
types:
  line:
    seq:
      - {id: tags, type: tags, if: first == 0x40}
      - {id: source, type: source, if: second == 0x3a}
      - {id: command, type: str, terminator: 0x20, eos-error: false, doc: 'A word, or three digits in a reply.'}
      - {id: param, type: param, repeat: eos}
    instances:
      first: {pos: 0, type: u1}
      second: {pos: _io.pos, type: u1}
    -webide-representation: '{source} {command} {param}'
  tags:
    seq:
      - {id: sign, contents: '@'}
      - {id: text, type: str, terminator: 0x20, doc: 'Pairs like key=value, with semicolons between them.'}
    -webide-representation: '{text}'
  source:
    seq:
      - {id: sign, contents: ':'}
      - {id: name, type: str, terminator: 0x20, doc: 'A server, or nick!user@host.'}
    -webide-representation: '{name}'
  param:
    seq:
      - {id: sign, contents: ':', if: first == 0x3a}
      - {id: middle, type: str, terminator: 0x20, eos-error: false, if: first != 0x3a}
      - {id: trailing, type: str, size-eos: true, if: first == 0x3a, doc: The last one may have spaces.}
    instances:
      first: {pos: _io.pos, type: u1}
    -webide-representation: '{middle}{trailing}'
