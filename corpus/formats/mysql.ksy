# MySQL's protocol as MariaDB speaks it. The server speaks first; what a packet of its answers holds is known only from the
# command, from what the client can do, and from the packets before it: how many columns there are and of which types.
# Commands that are sent before the answer to an earlier one are not told apart.
# Sources: MariaDB, "Client/Server Protocol"; MySQL source code documentation, "Client/Server Protocol".
meta:
  id: mysql
  title: MySQL / MariaDB
  endian: le
  bit-endian: le
  encoding: UTF-8
  imports: [tls]
  -framescope:
    transport: tcp
    ports: 3306
    limit: 0x40000000
    conversation:
      variables:
        # What the client asked for when it logged in, and the last command that is answered.
        capabilities: 0x0fa285
        mariadb_capabilities: 0
        command: 3
        # The columns of the result that is being sent, and how many definitions have come.
        columns: 0
        parameters: 0
        at: 0
        binary: false
        # The statement that a result is of; 0 for a query.
        statement: 0
        # By the numbers of a statement and a column (4096 is the first column): its type, and bits for an unsigned number and for bytes
        # that are no text.
        types: {}
        # By the number of a statement: how many parameters it has, and how often it was executed.
        parameter_counts: {default: 0}
        executions: {default: 0}
        # By the numbers of a statement and a parameter: before which execution its value was sent.
        long_data: {default: -1}
      client: login
      server: greeting
      # Nearly every client asks for these.
      middle: {client: command, server: response, set: {capabilities: 0x0fa285, mariadb_capabilities: 0}}
      states:
        # What a client sends.
        login:
          set: {capabilities: payload.capabilities, mariadb_capabilities: payload.mariadb_capabilities}
          then:
            - {when: payload.is_ssl_request, next: encrypted, peer: encrypted}
            - {when: true, next: command}
        authentication: {read: authentication_response, next: command}
        command:
          set:
            command: 'payload.is_silent ? _conversation.command : payload.command.to_i'
            statement: 'payload.is_silent ? _conversation.statement : payload.has_rows ? payload.statement : 0'
          then:
            - {when: payload.command == command::change_user, peer: authentication_result}
            - {when: payload.command == command::statistics, peer: statistics}
            - {when: payload.command == command::field_list, peer: field_list}
            - {when: payload.command == command::stmt_fetch, set: {binary: true}, peer: rows}
            - when: payload.command == command::stmt_execute
              set:
                'executions[payload.statement]': _conversation.executions[payload.statement] + 1
            - when: payload.command == command::stmt_send_long_data
              set:
                'long_data[payload.statement * 65536 + payload.parameter]': _conversation.executions[payload.statement]
        file:
          read: file_part
          then:
            - {when: length == 0, next: command}
        # What a server sends.
        greeting: {next: authentication_result}
        authentication_result:
          then:
            - {when: 'payload.kind == answer::ok and _conversation.capabilities & 0x20 != 0', next: compressed, peer: compressed}
            - {when: payload.kind == answer::ok or payload.kind == answer::error, next: response}
            - {when: payload.wants_more, peer: authentication}
        response:
          then:
            # A client that keeps the columns of a statement does not get them again.
            - when: payload.kind == answer::column_count and payload.has_no_columns
              set: {columns: payload.head.value, binary: true}
              next: rows
            - when: payload.kind == answer::column_count
              set: {columns: payload.head.value, at: 0, binary: '_conversation.command == 0x17 or _conversation.command == 0xfa'}
              next: columns
            - {when: payload.kind == answer::local_infile, peer: file}
            - when: payload.kind == answer::prepared and payload.parameters + payload.columns > 0
              set:
                at: 0
                statement: payload.statement
                columns: payload.columns
                parameters: payload.parameters
                'parameter_counts[payload.statement]': payload.parameters
              next: prepared
        columns:
          read: definition
          set:
            'types[_conversation.statement * 8192 + 4096 + _conversation.at]': payload.value_type
            at: _conversation.at + 1
          then:
            - {when: '_conversation.at == _conversation.columns and _conversation.capabilities & 0x1000000 != 0', next: rows}
            - {when: _conversation.at == _conversation.columns, next: columns_end}
        columns_end:
          read: definition
          then:
            # The rows of a cursor are fetched.
            - {when: 'payload.status & 0x40 != 0', next: response}
            - {when: true, next: rows}
        rows:
          read: row
          then:
            - {when: payload.kind == answer::end or payload.kind == answer::error, next: response}
        # The parameters of a prepared statement, then its columns, each with an end where the client asked for it.
        prepared:
          read: definition
          set:
            'types[_conversation.statement * 8192 + 4096 + _conversation.at - _conversation.parameters]': payload.value_type
            at: '_conversation.at + (payload.kind == answer::definition ? 1 : 0)'
          then:
            - when: '_conversation.at < _conversation.parameters + _conversation.columns'
              next: prepared
            - when: 'payload.kind == answer::definition and _conversation.capabilities & 0x1000000 == 0'
              next: prepared
            - {when: true, next: response}
        statistics: {next: response}
        field_list:
          read: definition
          then:
            - {when: payload.kind != answer::definition, next: response}
        encrypted: {read: tls}
        compressed: {}
types:
  login:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: login_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  authentication_response:
    meta:
      -framescope:
        kind: kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: bytes_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
    instances:
      kind: {value: 'packet::authentication'}
  command:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: command_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  file_part:
    meta:
      -framescope:
        kind: kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: bytes_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
    instances:
      kind: {value: 'packet::file'}
  greeting:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: greeting_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  authentication_result:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: authentication_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  response:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: response_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  definition:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: definition_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  row:
    meta:
      -framescope:
        kind: payload.kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: row_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
  statistics:
    meta:
      -framescope:
        kind: kind
        summary: '{payload}'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: payload, type: text_payload, size: length}
      - {id: continuation, type: continuation, repeat: until, repeat-until: _.length < 0xffffff, if: length == 0xffffff}
    instances:
      kind: {value: 'packet::statistics'}
  continuation:
    doc: What follows a payload that fills its packet. The values that it cuts are shown up to there.
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: bytes, size: length}
  compressed:
    doc: Packets, compressed; the beginning of one can be in the packet before it.
    meta:
      -framescope:
        kind: kind
        summary: '{length} bytes'
    seq:
      - {id: length, type: b24le}
      - {id: sequence, type: u1}
      - {id: uncompressed_length, type: b24le, doc: 0 if the packets are not compressed.}
      - {id: plain, size: length, if: uncompressed_length == 0}
      - {id: packets, size: length, process: zlib, if: uncompressed_length != 0}
    instances:
      kind: {value: 'packet::compressed'}
  bytes_payload:
    seq:
      - {id: bytes, size-eos: true}
    -webide-representation: '{bytes}'
  text_payload:
    seq:
      - {id: text, type: str, size-eos: true}
    -webide-representation: '{text}'
  # The login.
  greeting_payload:
    seq:
      - {id: protocol, type: u1}
      - id: body
        type:
          switch-on: protocol
          cases:
            10: server_hello
            0xff: early_error
    instances:
      kind: {value: 'protocol == 0xff ? answer::error : answer::greeting'}
    -webide-representation: '{body}'
  early_error:
    seq:
      - {id: code, type: u2}
      - {id: message, type: str, size-eos: true}
    -webide-representation: '{code} {message}'
  server_hello:
    seq:
      - {id: version, type: strz}
      - {id: thread, type: u4}
      - {id: scramble, size: 8}
      - {id: filler, type: u1, valid: 0}
      - {id: capabilities, type: u2, -hex: true}
      - {id: collation, type: u1}
      - {id: status, type: u2, -hex: true}
      - {id: more_capabilities, type: u2, -hex: true}
      - {id: scramble_length, type: u1}
      - {id: reserved, size: 6}
      - {id: mariadb_capabilities, type: u4, -hex: true, doc: If bit 0 of the capabilities is not set.}
      - {id: more_scramble, size: 'scramble_length > 21 ? scramble_length - 8 : 13'}
      - {id: auth_plugin, type: strz}
    -webide-representation: '{version} {auth_plugin}'
  login_payload:
    seq:
      - {id: capabilities, type: u4, -hex: true}
      - {id: max_packet, type: u4}
      - {id: collation, type: u1}
      - {id: reserved, size: 19}
      - {id: mariadb_capabilities, type: u4, -hex: true}
      - {id: user, type: strz, if: not is_ssl_request}
      - {id: proof_length, type: lenenc, if: 'not is_ssl_request and capabilities & 0x200000 != 0'}
      - {id: short_proof_length, type: u1, if: 'not is_ssl_request and capabilities & 0x208000 == 0x8000'}
      - {id: proof, size: 'capabilities & 0x200000 != 0 ? proof_length.value : short_proof_length', if: 'not is_ssl_request and capabilities & 0x208000 != 0'}
      - {id: database, type: strz, if: 'not is_ssl_request and capabilities & 8 != 0'}
      - {id: client_plugin, type: strz, if: 'not is_ssl_request and capabilities & 0x80000 != 0'}
      - {id: attributes_length, type: lenenc, if: 'not is_ssl_request and capabilities & 0x100000 != 0'}
      - {id: attributes, type: attributes, size: attributes_length.value, if: 'not is_ssl_request and capabilities & 0x100000 != 0'}
    instances:
      is_ssl_request: {value: 'capabilities & 0x800 != 0'}
      kind: {value: 'is_ssl_request ? packet::ssl_request : packet::login'}
    -webide-representation: '{user} {database} {client_plugin}'
  attributes:
    seq:
      - {id: attribute, type: attribute, repeat: eos}
  attribute:
    seq:
      - {id: name, type: lenenc_text}
      - {id: value, type: lenenc_text}
  authentication_payload:
    seq:
      - {id: status, type: u1}
      - id: body
        type:
          switch-on: status
          cases:
            0: ok
            0xff: error
            0xfe: auth_switch
            _: bytes_payload
    instances:
      kind: {value: 'status == 0 ? answer::ok : status == 0xff ? answer::error : status == 0xfe ? answer::auth_switch : answer::auth_more_data'}
      # The second answer of caching_sha2_password: the whole password is asked for.
      wants_more: {value: 'status == 0xfe or status == 1 and body.as<bytes_payload>.bytes == [4]'}
    -webide-representation: '{body}'
  auth_switch:
    seq:
      - {id: plugin_name, type: strz}
      - {id: data, size-eos: true}
    -webide-representation: '{plugin_name}'
  # Commands.
  command_payload:
    seq:
      - {id: command, type: u1, enum: command, valid: {in-enum: true}}
      - id: body
        type:
          switch-on: command
          cases:
            command::init_db: schema
            command::query: query
            command::stmt_prepare: text_payload
            command::create_db: schema
            command::drop_db: schema
            command::field_list: field_list
            command::process_kill: process_kill
            command::change_user: change_user
            command::stmt_execute: stmt_execute
            command::stmt_send_long_data: stmt_send_long_data
            command::stmt_bulk_execute: stmt_bulk_execute
            command::stmt_close: stmt
            command::stmt_reset: stmt
            command::stmt_fetch: stmt_fetch
            command::set_option: set_option
            _: bytes_payload
    instances:
      kind: {value: command}
      # Nothing answers it.
      is_silent: {value: command == command::stmt_close or command == command::stmt_send_long_data}
      has_rows: {value: command == command::stmt_execute or command == command::stmt_fetch or command == command::stmt_bulk_execute}
      statement:
        value: >-
          command == command::stmt_execute ? body.as<stmt_execute>.statement
          : command == command::stmt_fetch ? body.as<stmt_fetch>.statement
          : command == command::stmt_bulk_execute ? body.as<stmt_bulk_execute>.statement
          : body.as<stmt_send_long_data>.statement
        if: has_rows or command == command::stmt_send_long_data
      parameter: {value: body.as<stmt_send_long_data>.parameter, if: command == command::stmt_send_long_data}
    -webide-representation: '{body}'
  query:
    seq:
      - {id: attribute_count, type: lenenc, if: has_attributes, doc: Of MySQL's clients.}
      - {id: attribute_sets, type: lenenc, if: has_attributes}
      - {id: null_bitmap, size: (attribute_count.value + 7) / 8, if: has_attributes and attribute_count.value > 0}
      - {id: has_types, type: u1, if: has_attributes and attribute_count.value > 0}
      - {id: attribute_type, type: attribute_type, repeat: expr, repeat-expr: attribute_count.value, if: has_attributes and attribute_count.value > 0}
      - {id: attribute, type: query_attribute(_index), repeat: expr, repeat-expr: attribute_count.value, if: has_attributes and attribute_count.value > 0}
      - {id: text, type: str, size-eos: true}
    instances:
      has_attributes: {value: '_conversation.capabilities & 0x8000000 != 0'}
    -webide-representation: '{text}'
  schema:
    seq:
      - {id: schema, type: str, size-eos: true}
    -webide-representation: '{schema}'
  attribute_type:
    seq:
      - {id: type, type: parameter_type}
      - {id: name, type: lenenc_text}
  query_attribute:
    params:
      - {id: index, type: s4}
    seq:
      - {id: value, type: 'binary_value(_parent.attribute_type[index].type.value_type)', if: '_parent.null_bitmap[index / 8] >> index % 8 & 1 == 0'}
  field_list:
    seq:
      - {id: table, type: strz}
      - {id: wildcard, type: str, size-eos: true}
    -webide-representation: '{table}'
  process_kill:
    seq:
      - {id: thread, type: u4}
    -webide-representation: '{thread}'
  set_option:
    seq:
      - {id: option, type: u2, doc: 0 for several statements in a query; 1 for one only.}
    -webide-representation: '{option}'
  change_user:
    seq:
      - {id: user, type: strz}
      - {id: proof_length, type: u1}
      - {id: proof, size: proof_length}
      - {id: database, type: strz}
      - {id: collation, type: u2}
      - {id: client_plugin, type: strz, if: '_conversation.capabilities & 0x80000 != 0'}
      - {id: attributes_length, type: lenenc, if: '_conversation.capabilities & 0x100000 != 0'}
      - {id: attributes, type: attributes, size: attributes_length.value, if: '_conversation.capabilities & 0x100000 != 0'}
    -webide-representation: '{user} {database} {client_plugin}'
  stmt:
    seq:
      - {id: statement, type: u4}
    -webide-representation: 'statement {statement}'
  stmt_fetch:
    seq:
      - {id: statement, type: u4}
      - {id: rows, type: u4}
    -webide-representation: 'statement {statement}: {rows} rows'
  stmt_send_long_data:
    seq:
      - {id: statement, type: u4}
      - {id: parameter, type: u2}
      - {id: data, size-eos: true}
    -webide-representation: 'statement {statement}'
  stmt_execute:
    seq:
      - {id: statement, type: u4}
      - {id: flags, type: u1, doc: 1 for a cursor whose rows are fetched.}
      - {id: iterations, type: u4, valid: 1}
      - {id: null_bitmap, size: (parameter_count + 7) / 8, if: parameter_count > 0}
      - {id: has_types, type: u1, if: parameter_count > 0}
      - {id: parameter_type, type: parameter_type, repeat: expr, repeat-expr: parameter_count, if: parameter_count > 0 and has_types == 1}
      - {id: parameter, type: parameter(_index), repeat: expr, repeat-expr: parameter_count, if: parameter_count > 0 and has_types == 1}
      - {id: bytes, size-eos: true, if: parameter_count > 0 and has_types != 1, doc: Values of the types of the last execution.}
    instances:
      parameter_count: {value: '_conversation.parameter_counts[statement]'}
    -webide-representation: 'statement {statement}'
  stmt_bulk_execute:
    doc: Of MariaDB.
    seq:
      - {id: statement, type: u4}
      - {id: flags, type: u2, -hex: true, doc: 0x80 if the types are sent; 0x40 if the numbers of the new rows are asked for.}
      - {id: parameter_type, type: parameter_type, repeat: expr, repeat-expr: parameter_count, if: flags & 0x80 != 0}
      - {id: row, type: bulk_row, repeat: eos, if: flags & 0x80 != 0}
      - {id: bytes, size-eos: true, if: flags & 0x80 == 0}
    instances:
      parameter_count: {value: '_conversation.parameter_counts[statement]'}
    -webide-representation: 'statement {statement}: {row.size} rows'
  bulk_row:
    seq:
      - {id: parameter, type: bulk_parameter(_index), repeat: expr, repeat-expr: _parent.parameter_count}
  bulk_parameter:
    params:
      - {id: index, type: s4}
    seq:
      - {id: indicator, type: u1, enum: indicator}
      - {id: value, type: 'binary_value(_parent._parent.parameter_type[index].value_type)', if: indicator == indicator::none}
  parameter_type:
    seq:
      - {id: type, type: u1, enum: column_type}
      - {id: flags, type: u1, doc: 0x80 for an unsigned number.}
    instances:
      value_type: {value: 'type.to_i | flags << 1 | (type.to_i >= 0xf9 and type.to_i <= 0xfc ? 0x200 : 0)'}
  parameter:
    params:
      - {id: index, type: s4}
    seq:
      - {id: value, type: 'binary_value(_parent.parameter_type[index].value_type)', if: not is_null and not is_sent}
    instances:
      is_null: {value: '_parent.null_bitmap[index / 8] >> index % 8 & 1 == 1'}
      is_sent: {value: '_conversation.long_data[_parent.statement * 65536 + index] == _conversation.executions[_parent.statement]'}
    -webide-representation: '{value}'
  # Answers.
  response_payload:
    seq:
      - {id: head, type: head}
      - id: body
        type:
          switch-on: kind
          cases:
            answer::ok: ok
            answer::error: error
            answer::end: end
            answer::local_infile: local_infile
            answer::prepared: prepared
            answer::column_count: column_count
    instances:
      kind:
        value: >-
          head.first == 0xff ? answer::error
          : head.first == 0xfe ? answer::end
          : head.first == 0xfb ? answer::local_infile
          : head.first != 0 ? answer::column_count
          : _conversation.command == 0x16 ? answer::prepared
          : answer::ok
      statement: {value: body.as<prepared>.statement, if: kind == answer::prepared}
      columns: {value: body.as<prepared>.columns, if: kind == answer::prepared}
      parameters: {value: body.as<prepared>.parameters, if: kind == answer::prepared}
      has_no_columns: {value: 'kind == answer::column_count ? body.as<column_count>.has_no_columns : false'}
    -webide-representation: '{body}'
  local_infile:
    seq:
      - {id: file, type: str, size-eos: true}
    -webide-representation: '{file}'
  head:
    doc: A length, or the byte that says what a packet is.
    seq:
      - {id: first, type: u1}
      - {id: u2, type: u2, if: first == 0xfc}
      - {id: u3, type: b24le, if: first == 0xfd}
    instances:
      value: {value: 'first == 0xfc ? u2 : first == 0xfd ? u3 : first'}
  ok:
    seq:
      - {id: affected_rows, type: lenenc}
      - {id: insert_id, type: lenenc}
      - {id: status, type: u2, -hex: true}
      - {id: warnings, type: u2}
      # Both documentations say that it reaches to the end if the session is not tracked; servers send its length always.
      - {id: info, type: lenenc_text, if: not _io.eof}
      - {id: changes_length, type: lenenc, if: 'has_changes and status & 0x4000 != 0'}
      - {id: changes, type: changes, size: changes_length.value, if: 'has_changes and status & 0x4000 != 0'}
    instances:
      has_changes: {value: '_conversation.capabilities & 0x800000 != 0'}
    -webide-representation: '{affected_rows} rows {info}'
  changes:
    seq:
      - {id: change, type: change, repeat: eos}
  change:
    seq:
      - {id: type, type: u1, enum: change}
      - {id: length, type: lenenc}
      - id: content
        size: length.value
        type:
          switch-on: type
          cases:
            change::state: text_payload
            _: texts
  texts:
    seq:
      - {id: value, type: lenenc_text, repeat: eos}
  error:
    seq:
      - {id: code, type: u2}
      - {id: marker, contents: '#', if: '_conversation.capabilities & 0x200 != 0'}
      - {id: sql_state, type: str, size: 5, if: '_conversation.capabilities & 0x200 != 0'}
      - {id: message, type: str, size-eos: true}
    -webide-representation: '{code} {message}'
  end:
    seq:
      - {id: eof, type: eof, if: '_conversation.capabilities & 0x1000000 == 0'}
      - {id: ok, type: ok, if: '_conversation.capabilities & 0x1000000 != 0'}
    instances:
      status: {value: '_conversation.capabilities & 0x1000000 == 0 ? eof.status : ok.status'}
  eof:
    seq:
      - {id: warnings, type: u2}
      - {id: status, type: u2, -hex: true}
  prepared:
    seq:
      - {id: statement, type: u4}
      - {id: columns, type: u2}
      - {id: parameters, type: u2}
      - {id: filler, type: u1}
      - {id: warnings, type: u2}
    -webide-representation: 'statement {statement}: {parameters} parameters, {columns} columns'
  column_count:
    seq:
      - {id: metadata_follows, type: u1, if: '_conversation.mariadb_capabilities & 0x10 != 0'}
    instances:
      count: {value: _parent.head.value}
      has_no_columns: {value: '_conversation.mariadb_capabilities & 0x10 != 0 ? metadata_follows == 0 : false'}
    -webide-representation: '{count}'
  definition_payload:
    seq:
      - {id: head, type: head}
      - id: body
        type:
          switch-on: kind
          cases:
            answer::definition: definition_body(head.value)
            answer::error: error
            answer::end: end
    instances:
      kind: {value: 'head.first == 0xff ? answer::error : head.first == 0xfe ? answer::end : answer::definition'}
      value_type: {value: 'kind == answer::definition ? body.as<definition_body>.value_type : 0'}
      status: {value: 'kind == answer::end ? body.as<end>.status : 0'}
    -webide-representation: '{body}'
  definition_body:
    params:
      - {id: catalog_length, type: u8}
    seq:
      - {id: catalog, type: str, size: catalog_length}
      - {id: schema, type: lenenc_text}
      - {id: table, type: lenenc_text}
      - {id: original_table, type: lenenc_text}
      - {id: name, type: lenenc_text}
      - {id: original_name, type: lenenc_text}
      - {id: extended_type, type: lenenc_text, if: '_conversation.mariadb_capabilities & 8 != 0'}
      - {id: fixed_length, type: lenenc}
      - {id: charset, type: u2}
      - {id: width, type: u4}
      - {id: type, type: u1, enum: column_type}
      - {id: flags, type: u2, -hex: true}
      - {id: decimals, type: u1}
      - {id: filler, type: u2}
      - {id: default, type: lenenc_text, if: not _io.eof, doc: Only in the answer to a list of fields.}
    instances:
      value_type: {value: 'type.to_i | (flags & 0x20) << 3 | (charset == 63 and (type.to_i >= 0xf9 and type.to_i <= 0xfe or type.to_i == 15 or type.to_i == 16) ? 0x200 : 0)'}
    -webide-representation: '{table} {name}'
  row_payload:
    seq:
      - {id: head, type: head}
      - id: body
        type:
          switch-on: kind
          cases:
            answer::error: error
            answer::end: end
            answer::row: text_row(head.value)
            answer::binary_row: binary_row
            answer::long_row: bytes_payload
    instances:
      kind:
        value: >-
          _parent.length == 0xffffff ? answer::long_row
          : head.first == 0xff ? answer::error
          : head.first == 0xfe ? answer::end
          : _conversation.binary ? answer::binary_row
          : answer::row
    -webide-representation: '{body}'
  text_row:
    params:
      - {id: first_length, type: u8}
    seq:
      - {id: first, type: 'text_value(0, first_length)', if: not first_is_null}
      - {id: column, type: text_column(_index + 1), repeat: expr, repeat-expr: _conversation.columns - 1}
    instances:
      first_is_null: {value: _parent.head.first == 0xfb}
    -webide-representation: '{first} {column[0]} {column[1]} {column[2]}'
  text_column:
    params:
      - {id: index, type: s4}
    seq:
      - {id: length, type: lenenc}
      - {id: value, type: 'text_value(index, length.value)', if: length.first != 0xfb}
    -webide-representation: '{value}'
  text_value:
    params:
      - {id: index, type: s4}
      - {id: length, type: u8}
    seq:
      - {id: text, type: str, size: length, if: '_conversation.types[_conversation.statement * 8192 + 4096 + index] & 0x200 == 0'}
      - {id: bytes, size: length, if: '_conversation.types[_conversation.statement * 8192 + 4096 + index] & 0x200 != 0'}
    -webide-representation: '{text}{bytes}'
  binary_row:
    seq:
      - {id: null_bitmap, size: (_conversation.columns + 9) / 8}
      - {id: column, type: binary_column(_index), repeat: expr, repeat-expr: _conversation.columns}
    -webide-representation: '{column[0]} {column[1]} {column[2]} {column[3]}'
  binary_column:
    params:
      - {id: index, type: s4}
    seq:
      - {id: value, type: 'binary_value(_conversation.types[_conversation.statement * 8192 + 4096 + index])', if: not is_null}
    instances:
      is_null: {value: '_parent.null_bitmap[(index + 2) / 8] >> (index + 2) % 8 & 1 == 1'}
    -webide-representation: '{value}'
  binary_value:
    params:
      - {id: code, type: u4}
    seq:
      - id: value
        type:
          switch-on: code
          cases:
            0x001: s1
            0x101: u1
            0x002: s2
            0x102: u2
            0x00d: s2
            0x10d: u2
            0x003: s4
            0x103: u4
            0x009: s4
            0x109: u4
            0x008: s8
            0x108: u8
            0x004: f4
            0x104: f4
            0x005: f8
            0x105: f8
            0x007: date
            0x107: date
            0x00a: date
            0x10a: date
            0x00c: date
            0x10c: date
            0x00b: time
            0x006: nothing
            _: 'string(code & 0x200 != 0)'
    -webide-representation: '{value}'
  nothing: {}
  date:
    seq:
      - {id: length, type: u1, valid: {any-of: [0, 4, 7, 11]}}
      - {id: year, type: u2, if: length > 0}
      - {id: month, type: u1, if: length > 0}
      - {id: day, type: u1, if: length > 0}
      - {id: hour, type: u1, if: length > 4}
      - {id: minute, type: u1, if: length > 4}
      - {id: second, type: u1, if: length > 4}
      - {id: microsecond, type: u4, if: length > 7}
    -webide-representation: '{year}-{month}-{day} {hour}:{minute}:{second}'
  time:
    seq:
      - {id: length, type: u1, valid: {any-of: [0, 8, 12]}}
      - {id: is_negative, type: u1, if: length > 0}
      - {id: days, type: u4, if: length > 0}
      - {id: hour, type: u1, if: length > 0}
      - {id: minute, type: u1, if: length > 0}
      - {id: second, type: u1, if: length > 0}
      - {id: microsecond, type: u4, if: length > 8}
    -webide-representation: '{days} days {hour}:{minute}:{second}'
  string:
    params:
      - {id: is_binary, type: bool}
    seq:
      - {id: length, type: lenenc}
      - {id: text, type: str, size: length.value, if: not is_binary}
      - {id: bytes, size: length.value, if: is_binary}
    -webide-representation: '{text}{bytes}'
  lenenc:
    seq:
      - {id: first, type: u1}
      - {id: u2, type: u2, if: first == 0xfc}
      - {id: u3, type: b24le, if: first == 0xfd}
      - {id: u8, type: u8, if: first == 0xfe}
    instances:
      value: {value: 'first == 0xfc ? u2 : first == 0xfd ? u3 : first == 0xfe ? u8 : first'}
    -webide-representation: '{value}'
  lenenc_text:
    seq:
      - {id: length, type: lenenc}
      - {id: text, type: str, size: length.value, if: length.first != 0xfb}
    -webide-representation: '{text}'
enums:
  packet:
    0: login
    1: ssl_request
    2: authentication
    3: file
    4: statistics
    5: compressed
  answer:
    0: {id: ok, -orig-id: OK}
    1: {id: error, -orig-id: ERR}
    2: {id: end, -orig-id: EOF}
    3: {id: column_count, -orig-id: column count}
    4: {id: local_infile, -orig-id: LOCAL INFILE}
    5: {id: prepared, -orig-id: prepared}
    6: {id: definition, -orig-id: column}
    7: {id: row, -orig-id: row}
    8: {id: binary_row, -orig-id: binary row}
    9: {id: long_row, -orig-id: long row}
    10: {id: greeting, -orig-id: greeting}
    11: {id: auth_switch, -orig-id: auth switch}
    12: {id: auth_more_data, -orig-id: auth more data}
  command:
    0x00: {id: sleep, -orig-id: COM_SLEEP}
    0x01: {id: quit, -orig-id: COM_QUIT}
    0x02: {id: init_db, -orig-id: COM_INIT_DB}
    0x03: {id: query, -orig-id: COM_QUERY}
    0x04: {id: field_list, -orig-id: COM_FIELD_LIST}
    0x05: {id: create_db, -orig-id: COM_CREATE_DB}
    0x06: {id: drop_db, -orig-id: COM_DROP_DB}
    0x07: {id: refresh, -orig-id: COM_REFRESH}
    0x08: {id: shutdown, -orig-id: COM_SHUTDOWN}
    0x09: {id: statistics, -orig-id: COM_STATISTICS}
    0x0a: {id: process_info, -orig-id: COM_PROCESS_INFO}
    0x0b: {id: connect, -orig-id: COM_CONNECT}
    0x0c: {id: process_kill, -orig-id: COM_PROCESS_KILL}
    0x0d: {id: debug, -orig-id: COM_DEBUG}
    0x0e: {id: ping, -orig-id: COM_PING}
    0x11: {id: change_user, -orig-id: COM_CHANGE_USER}
    0x12: {id: binlog_dump, -orig-id: COM_BINLOG_DUMP}
    0x13: {id: table_dump, -orig-id: COM_TABLE_DUMP}
    0x14: {id: connect_out, -orig-id: COM_CONNECT_OUT}
    0x15: {id: register_slave, -orig-id: COM_REGISTER_SLAVE}
    0x16: {id: stmt_prepare, -orig-id: COM_STMT_PREPARE}
    0x17: {id: stmt_execute, -orig-id: COM_STMT_EXECUTE}
    0x18: {id: stmt_send_long_data, -orig-id: COM_STMT_SEND_LONG_DATA}
    0x19: {id: stmt_close, -orig-id: COM_STMT_CLOSE}
    0x1a: {id: stmt_reset, -orig-id: COM_STMT_RESET}
    0x1b: {id: set_option, -orig-id: COM_SET_OPTION}
    0x1c: {id: stmt_fetch, -orig-id: COM_STMT_FETCH}
    0x1d: {id: daemon, -orig-id: COM_DAEMON}
    0x1e: {id: binlog_dump_gtid, -orig-id: COM_BINLOG_DUMP_GTID}
    0x1f: {id: reset_connection, -orig-id: COM_RESET_CONNECTION}
    0xfa: {id: stmt_bulk_execute, -orig-id: COM_STMT_BULK_EXECUTE}
  column_type:
    0: decimal
    1: tiny
    2: short
    3: long
    4: float
    5: double
    6: 'null'
    7: timestamp
    8: longlong
    9: int24
    10: date
    11: time
    12: datetime
    13: year
    15: varchar
    16: bit
    245: json
    246: newdecimal
    247: enum
    248: set
    249: tiny_blob
    250: medium_blob
    251: long_blob
    252: blob
    253: var_string
    254: string
    255: geometry
  indicator:
    0: none
    1: 'null'
    2: default
    3: ignore
  change:
    0: system_variables
    1: schema
    2: state
    3: gtids
    4: transaction_characteristics
    5: transaction_state
