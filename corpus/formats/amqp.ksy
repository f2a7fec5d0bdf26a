# AMQP 0-9-1 as RabbitMQ speaks it: a greeting, then frames that hold a method with its arguments, a content's header,
# a part of its body, or nothing.
# Sources: AMQP 0-9-1 specification and its XML definition; RabbitMQ's "AMQP 0-9-1 errata" for the types of a table's values
# and the methods that RabbitMQ adds.
meta:
  id: amqp
  title: AMQP 0-9-1
  endian: be
  bit-endian: le
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 5672
    conversation:
      client: [protocol_header, frame]
      server: refusal
      middle: {client: frame, server: frame}
      states:
        # What a server answers to a protocol that it does not speak.
        refusal:
          read: protocol_header
          optional: true
          next: frame
        frame: {}
types:
  protocol_header:
    meta:
      -framescope:
        kind: kind
        summary: '{major}.{minor}.{revision}'
    seq:
      - {id: name, contents: AMQP}
      - {id: protocol, type: u1}
      - {id: major, type: u1}
      - {id: minor, type: u1}
      - {id: revision, type: u1}
    instances:
      kind: {value: 'kind::protocol_header'}
  frame:
    meta:
      -framescope:
        kind: kind
        summary: 'channel {channel} {payload}'
    seq:
      - {id: type, type: u1, enum: frame_type, valid: {in-enum: true}}
      - {id: channel, type: u2}
      - {id: size, type: u4}
      - id: payload
        size: size
        type:
          switch-on: type
          cases:
            frame_type::method: method
            frame_type::header: header
            frame_type::body: body
            frame_type::heartbeat: no_arguments
      - {id: end, contents: [0xce]}
    instances:
      kind:
        value: 'type == frame_type::method ? payload.as<method>.kind.to_i : type.to_i'
        enum: kind
  method:
    seq:
      - {id: class, type: u2, enum: class}
      - {id: method, type: u2}
      - id: arguments
        type:
          switch-on: kind
          cases:
            kind::connection_start: connection_start
            kind::connection_start_ok: connection_start_ok
            kind::connection_secure: connection_secure
            kind::connection_secure_ok: connection_secure_ok
            kind::connection_tune: connection_tune
            kind::connection_tune_ok: connection_tune
            kind::connection_open: connection_open
            kind::connection_open_ok: connection_open_ok
            kind::connection_close: connection_close
            kind::connection_close_ok: no_arguments
            kind::connection_blocked: connection_blocked
            kind::connection_unblocked: no_arguments
            kind::connection_update_secret: connection_update_secret
            kind::connection_update_secret_ok: no_arguments
            kind::channel_open: channel_open
            kind::channel_open_ok: channel_open_ok
            kind::channel_flow: channel_flow
            kind::channel_flow_ok: channel_flow
            kind::channel_close: connection_close
            kind::channel_close_ok: no_arguments
            kind::exchange_declare: exchange_declare
            kind::exchange_declare_ok: no_arguments
            kind::exchange_delete: exchange_delete
            kind::exchange_delete_ok: no_arguments
            kind::exchange_bind: exchange_bind
            kind::exchange_bind_ok: no_arguments
            kind::exchange_unbind: exchange_bind
            kind::exchange_unbind_ok: no_arguments
            kind::queue_declare: queue_declare
            kind::queue_declare_ok: queue_declare_ok
            kind::queue_bind: queue_bind
            kind::queue_bind_ok: no_arguments
            kind::queue_purge: queue_purge
            kind::queue_purge_ok: queue_purge_ok
            kind::queue_delete: queue_delete
            kind::queue_delete_ok: queue_purge_ok
            kind::queue_unbind: queue_unbind
            kind::queue_unbind_ok: no_arguments
            kind::basic_qos: basic_qos
            kind::basic_qos_ok: no_arguments
            kind::basic_consume: basic_consume
            kind::basic_consume_ok: basic_consume_ok
            kind::basic_cancel: basic_cancel
            kind::basic_cancel_ok: basic_consume_ok
            kind::basic_publish: basic_publish
            kind::basic_return: basic_return
            kind::basic_deliver: basic_deliver
            kind::basic_get: basic_get
            kind::basic_get_ok: basic_get_ok
            kind::basic_get_empty: basic_get_empty
            kind::basic_ack: basic_ack
            kind::basic_reject: basic_reject
            kind::basic_recover_async: basic_recover_async
            kind::basic_recover: basic_recover_async
            kind::basic_recover_ok: no_arguments
            kind::basic_nack: basic_nack
            kind::confirm_select: confirm_select
            kind::confirm_select_ok: no_arguments
            kind::tx_select: no_arguments
            kind::tx_select_ok: no_arguments
            kind::tx_commit: no_arguments
            kind::tx_commit_ok: no_arguments
            kind::tx_rollback: no_arguments
            kind::tx_rollback_ok: no_arguments
    instances:
      kind: {value: class.to_i << 16 | method, enum: kind}
    -webide-representation: '{arguments}'
  no_arguments: {}
  header:
    seq:
      - {id: class_id, type: u2, enum: class}
      - {id: weight, type: u2, valid: 0}
      - {id: body_size, type: u8}
      - {id: flags, type: u2, -hex: true, doc: Which properties are there.}
      - {id: content_type, type: short_string, if: flags & 0x8000 != 0}
      - {id: content_encoding, type: short_string, if: flags & 0x4000 != 0}
      - {id: headers, type: table, if: flags & 0x2000 != 0}
      - {id: delivery_mode, type: u1, if: flags & 0x1000 != 0}
      - {id: priority, type: u1, if: flags & 0x0800 != 0}
      - {id: correlation_id, type: short_string, if: flags & 0x0400 != 0}
      - {id: reply_to, type: short_string, if: flags & 0x0200 != 0}
      - {id: expiration, type: short_string, if: flags & 0x0100 != 0}
      - {id: message_id, type: short_string, if: flags & 0x0080 != 0}
      - {id: timestamp, type: u8, if: flags & 0x0040 != 0}
      - {id: type, type: short_string, if: flags & 0x0020 != 0}
      - {id: user_id, type: short_string, if: flags & 0x0010 != 0}
      - {id: app_id, type: short_string, if: flags & 0x0008 != 0}
      - {id: cluster_id, type: short_string, if: flags & 0x0004 != 0}
    -webide-representation: '{body_size} bytes {content_type}'
  body:
    seq:
      - {id: bytes, size-eos: true}
    instances:
      text: {value: 'bytes.to_s("UTF-8")', if: 'bytes.length > 0 and bytes.min >= 9 and bytes.max < 0xf5'}
    -webide-representation: '{text}'
  # Values.
  short_string:
    seq:
      - {id: length, type: u1}
      - {id: text, type: str, size: length}
    -webide-representation: '{text}'
  long_string:
    seq:
      - {id: length, type: u4}
      - {id: text, type: str, size: length}
    -webide-representation: '{text}'
  byte_array:
    seq:
      - {id: length, type: u4}
      - {id: bytes, size: length}
  table:
    seq:
      - {id: length, type: u4}
      - {id: entries, type: table_entries, size: length}
  table_entries:
    seq:
      - {id: entry, type: table_entry, repeat: eos}
  table_entry:
    seq:
      - {id: name, type: short_string}
      - {id: value, type: value}
  array:
    seq:
      - {id: length, type: u4}
      - {id: items, type: array_items, size: length}
  array_items:
    seq:
      - {id: item, type: value, repeat: eos}
  decimal:
    seq:
      - {id: scale, type: u1}
      - {id: digits, type: s4}
  value:
    seq:
      - {id: type, type: u1, enum: value_type}
      - id: value
        if: type != value_type::void
        type:
          switch-on: type
          cases:
            value_type::boolean: u1
            value_type::s1: s1
            value_type::u1: u1
            value_type::s2: s2
            value_type::s2_of_the_specification: s2
            value_type::u2: u2
            value_type::s4: s4
            value_type::u4: u4
            value_type::s8: s8
            value_type::s8_of_the_specification: s8
            value_type::f4: f4
            value_type::f8: f8
            value_type::decimal: decimal
            value_type::text: long_string
            value_type::array: array
            value_type::timestamp: u8
            value_type::table: table
            value_type::byte_array: byte_array
  connection_start:
    seq:
      - {id: version_major, type: u1}
      - {id: version_minor, type: u1}
      - {id: server_properties, type: table}
      - {id: mechanisms, type: long_string}
      - {id: locales, type: long_string}
    -webide-representation: '{mechanisms}'
  connection_start_ok:
    seq:
      - {id: client_properties, type: table}
      - {id: mechanism, type: short_string}
      - {id: response, type: long_string}
      - {id: locale, type: short_string}
    -webide-representation: '{mechanism}'
  connection_secure:
    seq:
      - {id: challenge, type: long_string}
  connection_secure_ok:
    seq:
      - {id: response, type: long_string}
  connection_tune:
    seq:
      - {id: channel_max, type: u2}
      - {id: frame_max, type: u4}
      - {id: heartbeat, type: u2}
    -webide-representation: '{frame_max} bytes, heartbeat {heartbeat} s'
  connection_open:
    seq:
      - {id: virtual_host, type: short_string}
      - {id: reserved_1, type: short_string}
      - {id: reserved_2, type: b1}
    -webide-representation: '{virtual_host}'
  connection_open_ok:
    seq:
      - {id: reserved_1, type: short_string}
  connection_close:
    seq:
      - {id: reply_code, type: u2}
      - {id: reply_text, type: short_string}
      - {id: class_id, type: u2}
      - {id: method_id, type: u2}
    -webide-representation: '{reply_code} {reply_text}'
  connection_blocked:
    seq:
      - {id: reason, type: short_string}
    -webide-representation: '{reason}'
  connection_update_secret:
    seq:
      - {id: new_secret, type: long_string}
      - {id: reason, type: short_string}
    -webide-representation: '{reason}'
  channel_open:
    seq:
      - {id: reserved_1, type: short_string}
  channel_open_ok:
    seq:
      - {id: reserved_1, type: long_string}
  channel_flow:
    seq:
      - {id: active, type: b1}
    -webide-representation: '{active}'
  exchange_declare:
    seq:
      - {id: reserved_1, type: u2}
      - {id: exchange, type: short_string}
      - {id: type, type: short_string}
      - {id: passive, type: b1}
      - {id: durable, type: b1}
      - {id: auto_delete, type: b1}
      - {id: internal, type: b1}
      - {id: no_wait, type: b1}
      - {id: arguments, type: table}
    -webide-representation: '{exchange} {type}'
  exchange_delete:
    seq:
      - {id: reserved_1, type: u2}
      - {id: exchange, type: short_string}
      - {id: if_unused, type: b1}
      - {id: no_wait, type: b1}
    -webide-representation: '{exchange}'
  exchange_bind:
    seq:
      - {id: reserved_1, type: u2}
      - {id: destination, type: short_string}
      - {id: source, type: short_string}
      - {id: routing_key, type: short_string}
      - {id: no_wait, type: b1}
      - {id: arguments, type: table}
    -webide-representation: '{source} {routing_key} {destination}'
  queue_declare:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: passive, type: b1}
      - {id: durable, type: b1}
      - {id: exclusive, type: b1}
      - {id: auto_delete, type: b1}
      - {id: no_wait, type: b1}
      - {id: arguments, type: table}
    -webide-representation: '{queue}'
  queue_declare_ok:
    seq:
      - {id: queue, type: short_string}
      - {id: message_count, type: u4}
      - {id: consumer_count, type: u4}
    -webide-representation: '{queue} {message_count} messages'
  queue_bind:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
      - {id: no_wait, type: b1}
      - {id: arguments, type: table}
    -webide-representation: '{exchange} {routing_key} {queue}'
  queue_purge:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: no_wait, type: b1}
    -webide-representation: '{queue}'
  queue_purge_ok:
    seq:
      - {id: message_count, type: u4}
    -webide-representation: '{message_count} messages'
  queue_delete:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: if_unused, type: b1}
      - {id: if_empty, type: b1}
      - {id: no_wait, type: b1}
    -webide-representation: '{queue}'
  queue_unbind:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
      - {id: arguments, type: table}
    -webide-representation: '{exchange} {routing_key} {queue}'
  basic_qos:
    seq:
      - {id: prefetch_size, type: u4}
      - {id: prefetch_count, type: u2}
      - {id: global, type: b1}
    -webide-representation: '{prefetch_count} messages'
  basic_consume:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: consumer_tag, type: short_string}
      - {id: no_local, type: b1}
      - {id: no_ack, type: b1}
      - {id: exclusive, type: b1}
      - {id: no_wait, type: b1}
      - {id: arguments, type: table}
    -webide-representation: '{queue} {consumer_tag}'
  basic_consume_ok:
    seq:
      - {id: consumer_tag, type: short_string}
    -webide-representation: '{consumer_tag}'
  basic_cancel:
    seq:
      - {id: consumer_tag, type: short_string}
      - {id: no_wait, type: b1}
    -webide-representation: '{consumer_tag}'
  basic_publish:
    seq:
      - {id: reserved_1, type: u2}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
      - {id: mandatory, type: b1}
      - {id: immediate, type: b1}
    -webide-representation: '{exchange} {routing_key}'
  basic_return:
    seq:
      - {id: reply_code, type: u2}
      - {id: reply_text, type: short_string}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
    -webide-representation: '{reply_code} {reply_text} {exchange} {routing_key}'
  basic_deliver:
    seq:
      - {id: consumer_tag, type: short_string}
      - {id: delivery_tag, type: u8}
      - {id: redelivered, type: b1}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
    -webide-representation: '{delivery_tag} {exchange} {routing_key}'
  basic_get:
    seq:
      - {id: reserved_1, type: u2}
      - {id: queue, type: short_string}
      - {id: no_ack, type: b1}
    -webide-representation: '{queue}'
  basic_get_ok:
    seq:
      - {id: delivery_tag, type: u8}
      - {id: redelivered, type: b1}
      - {id: exchange, type: short_string}
      - {id: routing_key, type: short_string}
      - {id: message_count, type: u4}
    -webide-representation: '{delivery_tag} {exchange} {routing_key}'
  basic_get_empty:
    seq:
      - {id: reserved_1, type: short_string}
  basic_ack:
    seq:
      - {id: delivery_tag, type: u8}
      - {id: multiple, type: b1}
    -webide-representation: '{delivery_tag}'
  basic_reject:
    seq:
      - {id: delivery_tag, type: u8}
      - {id: requeue, type: b1}
    -webide-representation: '{delivery_tag}'
  basic_recover_async:
    seq:
      - {id: requeue, type: b1}
  basic_nack:
    seq:
      - {id: delivery_tag, type: u8}
      - {id: multiple, type: b1}
      - {id: requeue, type: b1}
    -webide-representation: '{delivery_tag}'
  confirm_select:
    seq:
      - {id: no_wait, type: b1}
enums:
  frame_type:
    1: method
    2: header
    3: body
    8: heartbeat
  class:
    10: connection
    20: channel
    40: exchange
    50: queue
    60: basic
    85: confirm
    90: tx
  kind:
    2: header
    3: body
    8: heartbeat
    0x41: {id: protocol_header, -orig-id: AMQP}
    0x000a000a: {id: connection_start, -orig-id: connection.start}
    0x000a000b: {id: connection_start_ok, -orig-id: connection.start-ok}
    0x000a0014: {id: connection_secure, -orig-id: connection.secure}
    0x000a0015: {id: connection_secure_ok, -orig-id: connection.secure-ok}
    0x000a001e: {id: connection_tune, -orig-id: connection.tune}
    0x000a001f: {id: connection_tune_ok, -orig-id: connection.tune-ok}
    0x000a0028: {id: connection_open, -orig-id: connection.open}
    0x000a0029: {id: connection_open_ok, -orig-id: connection.open-ok}
    0x000a0032: {id: connection_close, -orig-id: connection.close}
    0x000a0033: {id: connection_close_ok, -orig-id: connection.close-ok}
    0x000a003c: {id: connection_blocked, -orig-id: connection.blocked}
    0x000a003d: {id: connection_unblocked, -orig-id: connection.unblocked}
    0x000a0046: {id: connection_update_secret, -orig-id: connection.update-secret}
    0x000a0047: {id: connection_update_secret_ok, -orig-id: connection.update-secret-ok}
    0x0014000a: {id: channel_open, -orig-id: channel.open}
    0x0014000b: {id: channel_open_ok, -orig-id: channel.open-ok}
    0x00140014: {id: channel_flow, -orig-id: channel.flow}
    0x00140015: {id: channel_flow_ok, -orig-id: channel.flow-ok}
    0x00140028: {id: channel_close, -orig-id: channel.close}
    0x00140029: {id: channel_close_ok, -orig-id: channel.close-ok}
    0x0028000a: {id: exchange_declare, -orig-id: exchange.declare}
    0x0028000b: {id: exchange_declare_ok, -orig-id: exchange.declare-ok}
    0x00280014: {id: exchange_delete, -orig-id: exchange.delete}
    0x00280015: {id: exchange_delete_ok, -orig-id: exchange.delete-ok}
    0x0028001e: {id: exchange_bind, -orig-id: exchange.bind}
    0x0028001f: {id: exchange_bind_ok, -orig-id: exchange.bind-ok}
    0x00280028: {id: exchange_unbind, -orig-id: exchange.unbind}
    0x00280033: {id: exchange_unbind_ok, -orig-id: exchange.unbind-ok}
    0x0032000a: {id: queue_declare, -orig-id: queue.declare}
    0x0032000b: {id: queue_declare_ok, -orig-id: queue.declare-ok}
    0x00320014: {id: queue_bind, -orig-id: queue.bind}
    0x00320015: {id: queue_bind_ok, -orig-id: queue.bind-ok}
    0x0032001e: {id: queue_purge, -orig-id: queue.purge}
    0x0032001f: {id: queue_purge_ok, -orig-id: queue.purge-ok}
    0x00320028: {id: queue_delete, -orig-id: queue.delete}
    0x00320029: {id: queue_delete_ok, -orig-id: queue.delete-ok}
    0x00320032: {id: queue_unbind, -orig-id: queue.unbind}
    0x00320033: {id: queue_unbind_ok, -orig-id: queue.unbind-ok}
    0x003c000a: {id: basic_qos, -orig-id: basic.qos}
    0x003c000b: {id: basic_qos_ok, -orig-id: basic.qos-ok}
    0x003c0014: {id: basic_consume, -orig-id: basic.consume}
    0x003c0015: {id: basic_consume_ok, -orig-id: basic.consume-ok}
    0x003c001e: {id: basic_cancel, -orig-id: basic.cancel}
    0x003c001f: {id: basic_cancel_ok, -orig-id: basic.cancel-ok}
    0x003c0028: {id: basic_publish, -orig-id: basic.publish}
    0x003c0032: {id: basic_return, -orig-id: basic.return}
    0x003c003c: {id: basic_deliver, -orig-id: basic.deliver}
    0x003c0046: {id: basic_get, -orig-id: basic.get}
    0x003c0047: {id: basic_get_ok, -orig-id: basic.get-ok}
    0x003c0048: {id: basic_get_empty, -orig-id: basic.get-empty}
    0x003c0050: {id: basic_ack, -orig-id: basic.ack}
    0x003c005a: {id: basic_reject, -orig-id: basic.reject}
    0x003c0064: {id: basic_recover_async, -orig-id: basic.recover-async}
    0x003c006e: {id: basic_recover, -orig-id: basic.recover}
    0x003c006f: {id: basic_recover_ok, -orig-id: basic.recover-ok}
    0x003c0078: {id: basic_nack, -orig-id: basic.nack}
    0x0055000a: {id: confirm_select, -orig-id: confirm.select}
    0x0055000b: {id: confirm_select_ok, -orig-id: confirm.select-ok}
    0x005a000a: {id: tx_select, -orig-id: tx.select}
    0x005a000b: {id: tx_select_ok, -orig-id: tx.select-ok}
    0x005a0014: {id: tx_commit, -orig-id: tx.commit}
    0x005a0015: {id: tx_commit_ok, -orig-id: tx.commit-ok}
    0x005a001e: {id: tx_rollback, -orig-id: tx.rollback}
    0x005a001f: {id: tx_rollback_ok, -orig-id: tx.rollback-ok}
  value_type:
    0x74: {id: boolean, -orig-id: t}
    0x62: {id: s1, -orig-id: b}
    0x42: {id: u1, -orig-id: B}
    0x73: {id: s2, -orig-id: s}
    0x55: {id: s2_of_the_specification, -orig-id: U}
    0x75: {id: u2, -orig-id: u}
    0x49: {id: s4, -orig-id: I}
    0x69: {id: u4, -orig-id: i}
    0x6c: {id: s8, -orig-id: l}
    0x4c: {id: s8_of_the_specification, -orig-id: L}
    0x66: {id: f4, -orig-id: f}
    0x64: {id: f8, -orig-id: d}
    0x44: {id: decimal, -orig-id: D}
    0x53: {id: text, -orig-id: S}
    0x41: {id: array, -orig-id: A}
    0x54: {id: timestamp, -orig-id: T}
    0x46: {id: table, -orig-id: F}
    0x56: {id: void, -orig-id: V}
    0x78: {id: byte_array, -orig-id: x}
