# PostgreSQL's protocol 3.0: a client's first packets have no type byte, and which message follows a password's
# request, or holds a row, is known only from what was said before.
# Source: PostgreSQL 15 documentation, chapter 55, "Frontend/Backend Protocol".
meta:
  id: postgresql
  title: PostgreSQL 3.0
  endian: be
  encoding: UTF-8
  imports: [tls]
  -framescope:
    transport: tcp
    ports: 5432
    limit: 0x40000000
    conversation:
      variables:
        # The kind of the last authentication request, the format of the rows, and that of the data of a COPY.
        authentication: 0
        row_format: 0
        copy_format: 0
      client: startup
      server: backend
      middle: {client: frontend, server: backend}
      states:
        startup:
          read: startup_packet
          then:
            - {when: code == code::cancel_request, next: startup}
            - {when: code == code::ssl_request or code == code::gssenc_request, peer: encryption}
            - {when: true, next: frontend}
        encryption:
          read: encryption_answer
          # A server that is too old to know the request answers with an error.
          optional: true
          next: backend
          then:
            - {when: answer == answer::ssl, next: tls, peer: tls}
            - {when: answer == answer::gss, next: gss, peer: gss}
        tls: {read: 'tls'}
        gss: {read: gss_packet}
        frontend:
          then:
            - {when: type == frontend::query, set: {row_format: 0}}
            - {when: type == frontend::bind, set: {row_format: body.as<bind>.row_format}}
        backend:
          then:
            - {when: type == backend::authentication, set: {authentication: body.as<authentication>.request.to_i}}
            - {when: type == backend::copy_in_response or type == backend::copy_out_response, set: {copy_format: body.as<copy_response>.format.to_i}}
            - {when: type == backend::copy_both_response, set: {copy_format: 2}}
types:
  startup_packet:
    meta:
      -framescope:
        kind: code
        summary: '{body}'
    seq:
      - {id: length, type: u4, valid: {min: 8, max: 10000}}
      - {id: code, type: u4, enum: code, -hex: true, valid: {expr: '_.to_i >> 16 == 3 or _.to_i >= 80877102 and _.to_i <= 80877104'}}
      - id: body
        size: length - 8
        type:
          switch-on: code
          cases:
            code::cancel_request: backend_key
            code::ssl_request: nothing
            code::gssenc_request: nothing
            _: startup_parameters
  startup_parameters:
    seq:
      - {id: parameter, type: startup_parameter, repeat: until, repeat-until: _.name == ""}
    -webide-representation: '{parameter[0]} {parameter[1]}'
  startup_parameter:
    seq:
      - {id: name, type: strz}
      - {id: value, type: strz, if: name != ""}
    -webide-representation: '{name} {value}'
  encryption_answer:
    meta:
      -framescope:
        kind: answer
        summary: 'encryption'
    seq:
      - {id: answer, type: u1, enum: answer, valid: {in-enum: true}}
  gss_packet:
    meta:
      -framescope:
        summary: '{length} bytes'
    seq:
      - {id: length, type: u4, valid: {max: 16384}}
      - {id: token, size: length}
  frontend:
    meta:
      -framescope:
        kind: type
        summary: '{body}'
    seq:
      - {id: type, type: u1, enum: frontend, valid: {in-enum: true}}
      - {id: length, type: u4, valid: {min: 4, max: 0x3fffffff}}
      - id: body
        size: length - 4
        type:
          switch-on: type
          cases:
            frontend::query: query
            frontend::parse: parse
            frontend::bind: bind
            frontend::describe: target
            frontend::close: target
            frontend::execute: execute
            frontend::function_call: function_call
            frontend::authentication_response: authentication_response
            frontend::copy_data: copied
            frontend::copy_fail: copy_fail
            _: nothing
  backend:
    meta:
      -framescope:
        kind: type
        summary: '{body}'
    seq:
      - {id: type, type: u1, enum: backend, valid: {in-enum: true}}
      - {id: length, type: u4, valid: {min: 4, max: 0x3fffffff}}
      - id: body
        size: length - 4
        type:
          switch-on: type
          cases:
            backend::authentication: authentication
            backend::backend_key_data: backend_key
            backend::parameter_status: parameter_status
            backend::ready_for_query: ready_for_query
            backend::row_description: row_description
            backend::data_row: data_row
            backend::command_complete: command_complete
            backend::error_response: report
            backend::notice_response: report
            backend::notification_response: notification
            backend::parameter_description: parameter_description
            backend::copy_in_response: copy_response
            backend::copy_out_response: copy_response
            backend::copy_both_response: copy_response
            backend::copy_data: copied
            backend::function_call_response: function_result
            backend::negotiate_protocol_version: negotiation
            _: nothing
  nothing: {}
  # What a client sends.
  query:
    seq:
      - {id: text, type: strz}
    -webide-representation: '{text}'
  parse:
    seq:
      - {id: statement, type: strz}
      - {id: text, type: strz}
      - {id: parameter_count, type: u2}
      - {id: parameter_type, type: u4, repeat: expr, repeat-expr: parameter_count, doc: An object id of pg_type; 0 if the client leaves it open.}
    -webide-representation: '{statement} {text}'
  bind:
    seq:
      - {id: portal, type: strz}
      - {id: statement, type: strz}
      - {id: format_count, type: u2}
      - {id: format, type: u2, enum: format, repeat: expr, repeat-expr: format_count, doc: None for text; one for all parameters; or one for each.}
      - {id: parameter_count, type: u2}
      - {id: parameter, type: value, repeat: expr, repeat-expr: parameter_count}
      - {id: result_format_count, type: u2}
      - {id: result_format, type: u2, enum: format, repeat: expr, repeat-expr: result_format_count}
    instances:
      row_format: {value: 'result_format_count == 0 ? 0 : result_format[0].to_i'}
    -webide-representation: '{statement} {portal}'
  target:
    seq:
      - {id: kind, type: u1, enum: target, valid: {in-enum: true}}
      - {id: statement, type: strz, if: kind == target::statement}
      - {id: portal, type: strz, if: kind == target::portal}
    -webide-representation: '{kind} {statement}{portal}'
  execute:
    seq:
      - {id: portal, type: strz}
      - {id: row_limit, type: u4, doc: 0 for all rows.}
    -webide-representation: '{portal}'
  function_call:
    seq:
      - {id: function, type: u4}
      - {id: format_count, type: u2}
      - {id: format, type: u2, enum: format, repeat: expr, repeat-expr: format_count}
      - {id: argument_count, type: u2}
      - {id: argument, type: value, repeat: expr, repeat-expr: argument_count}
      - {id: result_format, type: u2, enum: format}
    -webide-representation: '{function}'
  authentication_response:
    seq:
      - id: response
        type:
          switch-on: _conversation.authentication
          cases:
            request::cleartext_password.to_i: password
            request::md5_password.to_i: password
            request::sasl.to_i: sasl_initial_response
            request::sasl_continue.to_i: sasl_response
            _: token
    -webide-representation: '{response}'
  password:
    seq:
      - {id: password, type: strz}
    -webide-representation: '{password}'
  sasl_initial_response:
    seq:
      - {id: mechanism, type: strz}
      - {id: length, type: s4, doc: -1 if there is no first response.}
      - {id: data, type: str, size: length, if: length >= 0}
    -webide-representation: '{mechanism} {data}'
  sasl_response:
    seq:
      - {id: data, type: str, size-eos: true}
    -webide-representation: '{data}'
  token:
    seq:
      - {id: data, size-eos: true}
  copy_fail:
    seq:
      - {id: reason, type: strz}
    -webide-representation: '{reason}'
  # What a server sends.
  authentication:
    seq:
      - {id: request, type: u4, enum: request}
      - {id: salt, size: 4, if: request == request::md5_password}
      - {id: mechanism, type: strz, repeat: until, repeat-until: _ == "", if: request == request::sasl}
      - {id: data, type: str, size-eos: true, if: request == request::sasl_continue or request == request::sasl_final}
      - {id: token, size-eos: true, if: request == request::gss_continue}
    -webide-representation: '{request} {mechanism[0]}{data}'
  backend_key:
    seq:
      - {id: process, type: u4}
      - {id: key, type: u4, -hex: true}
    -webide-representation: 'process {process}'
  parameter_status:
    seq:
      - {id: name, type: strz}
      - {id: value, type: strz}
    -webide-representation: '{name} {value}'
  ready_for_query:
    seq:
      - {id: status, type: u1, enum: status, valid: {in-enum: true}}
    -webide-representation: '{status}'
  row_description:
    seq:
      - {id: column_count, type: u2}
      - {id: column, type: column, repeat: expr, repeat-expr: column_count}
    -webide-representation: '{column[0]} {column[1]} {column[2]} {column[3]}'
  column:
    seq:
      - {id: name, type: strz}
      - {id: table, type: u4, doc: An object id; 0 if it is not a column of a table.}
      - {id: attribute, type: u2, doc: Which column of the table.}
      - {id: type, type: u4, doc: An object id of pg_type.}
      - {id: type_size, type: s2, doc: Negative for a variable size.}
      - {id: type_modifier, type: s4}
      - {id: format, type: u2, enum: format, doc: 'Text if a statement is described: its formats are chosen later.'}
    -webide-representation: '{name}'
  data_row:
    seq:
      - {id: column_count, type: u2}
      - {id: column, type: row_value, repeat: expr, repeat-expr: column_count}
    -webide-representation: '{column[0]} {column[1]} {column[2]} {column[3]}'
  row_value:
    seq:
      - {id: length, type: s4, doc: -1 for NULL.}
      - {id: text, type: str, size: length, if: length >= 0 and _conversation.row_format == 0}
      - {id: bytes, size: length, if: length >= 0 and _conversation.row_format != 0}
    -webide-representation: '{text}{bytes}'
  value:
    seq:
      - {id: length, type: s4, doc: -1 for NULL.}
      - {id: bytes, size: length, if: length >= 0}
    -webide-representation: '{bytes}'
  command_complete:
    seq:
      - {id: tag, type: strz}
    -webide-representation: '{tag}'
  report:
    seq:
      - {id: field, type: report_field, repeat: until, repeat-until: _.code == report_field::end}
    -webide-representation: '{field[0]} {field[2]} {field[3]}'
  report_field:
    seq:
      - {id: code, type: u1, enum: report_field}
      - {id: severity, type: strz, if: code == report_field::severity}
      - {id: severity_not_localized, type: strz, if: code == report_field::severity_not_localized}
      - {id: sql_state, type: strz, if: code == report_field::sql_state}
      - {id: message, type: strz, if: code == report_field::message}
      - {id: detail, type: strz, if: code == report_field::detail}
      - {id: hint, type: strz, if: code == report_field::hint}
      - {id: position, type: strz, if: code == report_field::position}
      - {id: internal_position, type: strz, if: code == report_field::internal_position}
      - {id: internal_query, type: strz, if: code == report_field::internal_query}
      - {id: where, type: strz, if: code == report_field::where}
      - {id: schema, type: strz, if: code == report_field::schema}
      - {id: table, type: strz, if: code == report_field::table}
      - {id: column, type: strz, if: code == report_field::column}
      - {id: data_type, type: strz, if: code == report_field::data_type}
      - {id: constraint, type: strz, if: code == report_field::constraint}
      - {id: file, type: strz, if: code == report_field::file}
      - {id: line, type: strz, if: code == report_field::line}
      - {id: routine, type: strz, if: code == report_field::routine}
    -webide-representation: '{severity}{sql_state}{message}'
  notification:
    seq:
      - {id: process, type: u4}
      - {id: channel, type: strz}
      - {id: payload, type: strz}
    -webide-representation: '{channel} {payload}'
  parameter_description:
    seq:
      - {id: parameter_count, type: u2}
      - {id: parameter_type, type: u4, repeat: expr, repeat-expr: parameter_count}
    -webide-representation: '{parameter_count} parameters'
  copy_response:
    seq:
      - {id: format, type: u1, enum: format}
      - {id: format_count, type: u2}
      - {id: column_format, type: u2, enum: format, repeat: expr, repeat-expr: format_count}
    -webide-representation: '{format}'
  copied:
    seq:
      - id: data
        size-eos: true
        type:
          switch-on: _conversation.copy_format
          cases:
            0: copied_text
            2: replication
            _: copied_bytes
    -webide-representation: '{data}'
  copied_text:
    seq:
      - {id: text, type: str, size-eos: true}
    -webide-representation: '{text}'
  copied_bytes:
    seq:
      - {id: bytes, size-eos: true}
    -webide-representation: '{bytes}'
  # Source: section 55.4, "Streaming Replication Protocol".
  replication:
    seq:
      - {id: kind, type: u1, enum: replication}
      - id: body
        type:
          switch-on: kind
          cases:
            replication::xlog_data: xlog_data
            replication::keepalive: keepalive
            replication::status_update: status_update
            _: copied_bytes
    -webide-representation: '{kind} {body}'
  xlog_data:
    seq:
      - {id: start, type: u8, -hex: true}
      - {id: end, type: u8, -hex: true}
      - {id: time, type: s8, doc: Microseconds since 2000-01-01.}
      - {id: wal, type: str, size-eos: true}
    -webide-representation: '{wal}'
  keepalive:
    seq:
      - {id: end, type: u8, -hex: true}
      - {id: time, type: s8}
      - {id: reply_requested, type: u1}
  status_update:
    seq:
      - {id: written, type: u8, -hex: true}
      - {id: flushed, type: u8, -hex: true}
      - {id: applied, type: u8, -hex: true}
      - {id: time, type: s8}
      - {id: reply_requested, type: u1}
  function_result:
    seq:
      - {id: result, type: value}
    -webide-representation: '{result}'
  negotiation:
    seq:
      - {id: newest_minor, type: u4}
      - {id: option_count, type: u4}
      - {id: option, type: strz, repeat: expr, repeat-expr: option_count, doc: An option that the server does not know.}
    -webide-representation: '{newest_minor} {option}'
enums:
  code:
    0x30000: {id: startup, -orig-id: StartupMessage}
    80877102: {id: cancel_request, -orig-id: CancelRequest}
    80877103: {id: ssl_request, -orig-id: SSLRequest}
    80877104: {id: gssenc_request, -orig-id: GSSENCRequest}
  answer:
    0x4e: {id: neither, -orig-id: 'no'}
    0x53: {id: ssl, -orig-id: SSL}
    0x47: {id: gss, -orig-id: GSSAPI}
  frontend:
    0x42: {id: bind, -orig-id: Bind}
    0x43: {id: close, -orig-id: Close}
    0x44: {id: describe, -orig-id: Describe}
    0x45: {id: execute, -orig-id: Execute}
    0x46: {id: function_call, -orig-id: FunctionCall}
    0x48: {id: flush, -orig-id: Flush}
    0x50: {id: parse, -orig-id: Parse}
    0x51: {id: query, -orig-id: Query}
    0x53: {id: sync, -orig-id: Sync}
    0x58: {id: terminate, -orig-id: Terminate}
    0x63: {id: copy_done, -orig-id: CopyDone}
    0x64: {id: copy_data, -orig-id: CopyData}
    0x66: {id: copy_fail, -orig-id: CopyFail}
    0x70: {id: authentication_response, -orig-id: PasswordMessage}
  backend:
    0x31: {id: parse_complete, -orig-id: ParseComplete}
    0x32: {id: bind_complete, -orig-id: BindComplete}
    0x33: {id: close_complete, -orig-id: CloseComplete}
    0x41: {id: notification_response, -orig-id: NotificationResponse}
    0x43: {id: command_complete, -orig-id: CommandComplete}
    0x44: {id: data_row, -orig-id: DataRow}
    0x45: {id: error_response, -orig-id: ErrorResponse}
    0x47: {id: copy_in_response, -orig-id: CopyInResponse}
    0x48: {id: copy_out_response, -orig-id: CopyOutResponse}
    0x49: {id: empty_query_response, -orig-id: EmptyQueryResponse}
    0x4b: {id: backend_key_data, -orig-id: BackendKeyData}
    0x4e: {id: notice_response, -orig-id: NoticeResponse}
    0x52: {id: authentication, -orig-id: Authentication}
    0x53: {id: parameter_status, -orig-id: ParameterStatus}
    0x54: {id: row_description, -orig-id: RowDescription}
    0x56: {id: function_call_response, -orig-id: FunctionCallResponse}
    0x57: {id: copy_both_response, -orig-id: CopyBothResponse}
    0x5a: {id: ready_for_query, -orig-id: ReadyForQuery}
    0x63: {id: copy_done, -orig-id: CopyDone}
    0x64: {id: copy_data, -orig-id: CopyData}
    0x6e: {id: no_data, -orig-id: NoData}
    0x73: {id: portal_suspended, -orig-id: PortalSuspended}
    0x74: {id: parameter_description, -orig-id: ParameterDescription}
    0x76: {id: negotiate_protocol_version, -orig-id: NegotiateProtocolVersion}
  format:
    0: text
    1: binary
  target:
    0x50: portal
    0x53: statement
  request:
    0: {id: ok, -orig-id: Ok}
    2: {id: kerberos_v5, -orig-id: KerberosV5}
    3: {id: cleartext_password, -orig-id: CleartextPassword}
    5: {id: md5_password, -orig-id: MD5Password}
    7: {id: gss, -orig-id: GSS}
    8: {id: gss_continue, -orig-id: GSSContinue}
    9: {id: sspi, -orig-id: SSPI}
    10: {id: sasl, -orig-id: SASL}
    11: {id: sasl_continue, -orig-id: SASLContinue}
    12: {id: sasl_final, -orig-id: SASLFinal}
  status:
    0x49: idle
    0x54: in_transaction
    0x45: in_failed_transaction
  replication:
    0x77: {id: xlog_data, -orig-id: XLogData}
    0x6b: {id: keepalive, -orig-id: keepalive}
    0x72: {id: status_update, -orig-id: status update}
    0x68: {id: hot_standby_feedback, -orig-id: hot standby feedback}
  report_field:
    0: end
    0x53: severity
    0x56: severity_not_localized
    0x43: sql_state
    0x4d: message
    0x44: detail
    0x48: hint
    0x50: position
    0x70: internal_position
    0x71: internal_query
    0x57: where
    0x73: schema
    0x74: table
    0x63: column
    0x64: data_type
    0x6e: constraint
    0x46: file
    0x4c: line
    0x52: routine
