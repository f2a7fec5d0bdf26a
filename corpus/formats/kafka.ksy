# Kafka: requests with an api key and a version, and replies that have neither: a reply is read as the request with the same
# correlation id wants it. The requests that clients send most are described in all their versions; others are shown as bytes.
# Sources: the protocol guide of kafka.apache.org and the message definitions of Kafka 4.0.
meta:
  id: kafka
  title: Kafka
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: [9092, 9094]
    limit: 104857604
    kind: message.api_key
    summary: '{message}'
    id: message.correlation_id
    conversation:
      variables:
        requests: {}
      client: request
      server: response
      states:
        request:
          set: {'requests[message.correlation_id]': message.api_key.to_i * 256 + message.api_version}
        response:
          set: {'requests[message.correlation_id]': null}
types:
  request:
    meta:
      -framescope: {reply: false}
    seq:
      - {id: size, type: s4, valid: {min: 8, max: 104857600}}
      - {id: message, type: request_message, size: size}
  response:
    meta:
      -framescope: {reply: true, kind: message.request_api_key}
    seq:
      - {id: size, type: s4, valid: {min: 4, max: 104857600}}
      - {id: message, type: response_message, size: size}
  request_message:
    seq:
      - {id: api_key, type: s2, enum: api_key, valid: {in-enum: true}}
      - {id: api_version, type: s2, valid: {min: 0, max: 100}}
      - {id: correlation_id, type: s4}
      - {id: client_id, type: text(false)}
      - id: body
        size-eos: true
        type:
          switch-on: api_key
          cases:
            api_key::produce: produce_request(api_version)
            api_key::fetch: fetch_request(api_version)
            api_key::list_offsets: list_offsets_request(api_version)
            api_key::metadata: metadata_request(api_version)
            api_key::offset_commit: offset_commit_request(api_version)
            api_key::offset_fetch: offset_fetch_request(api_version)
            api_key::find_coordinator: find_coordinator_request(api_version)
            api_key::join_group: join_group_request(api_version)
            api_key::heartbeat: heartbeat_request(api_version)
            api_key::leave_group: leave_group_request(api_version)
            api_key::sync_group: sync_group_request(api_version)
            api_key::describe_groups: describe_groups_request(api_version)
            api_key::list_groups: list_groups_request(api_version)
            api_key::api_versions: api_versions_request(api_version)
            api_key::create_topics: create_topics_request(api_version)
            api_key::delete_topics: delete_topics_request(api_version)
            api_key::init_producer_id: init_producer_id_request(api_version)
            api_key::add_partitions_to_txn: add_partitions_to_txn_request(api_version)
            api_key::end_txn: end_txn_request(api_version)
            api_key::describe_configs: describe_configs_request(api_version)
            api_key::consumer_group_describe: consumer_group_describe_request(api_version)
            api_key::get_telemetry_subscriptions: get_telemetry_subscriptions_request(api_version)
    -webide-representation: '{api_key} {api_version:dec} {client_id}'
  response_message:
    seq:
      - {id: correlation_id, type: s4}
      - id: body
        size-eos: true
        type:
          switch-on: request_api_key
          cases:
            api_key::produce: produce_response(request_api_version)
            api_key::fetch: fetch_response(request_api_version)
            api_key::list_offsets: list_offsets_response(request_api_version)
            api_key::metadata: metadata_response(request_api_version)
            api_key::offset_commit: offset_commit_response(request_api_version)
            api_key::offset_fetch: offset_fetch_response(request_api_version)
            api_key::find_coordinator: find_coordinator_response(request_api_version)
            api_key::join_group: join_group_response(request_api_version)
            api_key::heartbeat: heartbeat_response(request_api_version)
            api_key::leave_group: leave_group_response(request_api_version)
            api_key::sync_group: sync_group_response(request_api_version)
            api_key::describe_groups: describe_groups_response(request_api_version)
            api_key::list_groups: list_groups_response(request_api_version)
            api_key::api_versions: api_versions_response(request_api_version)
            api_key::create_topics: create_topics_response(request_api_version)
            api_key::delete_topics: delete_topics_response(request_api_version)
            api_key::init_producer_id: init_producer_id_response(request_api_version)
            api_key::add_partitions_to_txn: add_partitions_to_txn_response(request_api_version)
            api_key::end_txn: end_txn_response(request_api_version)
            api_key::describe_configs: describe_configs_response(request_api_version)
            api_key::consumer_group_describe: consumer_group_describe_response(request_api_version)
            api_key::get_telemetry_subscriptions: get_telemetry_subscriptions_response(request_api_version)
    instances:
      request_api_key: {value: '_conversation.requests[correlation_id] / 256', enum: api_key}
      request_api_version: {value: '_conversation.requests[correlation_id] % 256'}
    -webide-representation: '{request_api_key} {request_api_version:dec}'
  unsigned_varint:
    doc: Seven bits in each byte, the lowest first.
    seq:
      - {id: group, type: u1, repeat: until, repeat-until: _ < 0x80 or _index == 4}
    instances:
      value:
        value: >-
          (group[0] & 0x7f)
          + (group.size > 1 ? (group[1] & 0x7f) << 7 : 0)
          + (group.size > 2 ? (group[2] & 0x7f) << 14 : 0)
          + (group.size > 3 ? (group[3] & 0x7f) << 21 : 0)
          + (group.size > 4 ? (group[4] & 0x7f) << 28 : 0)
    -webide-representation: '{value:dec}'
  varint:
    doc: Of up to ten bytes. The lowest bit is set for negative numbers.
    seq:
      - {id: group, type: u1, repeat: until, repeat-until: _ < 0x80 or _index == 9}
    instances:
      digits:
        value: >-
          (group[0] & 0x7f)
          + (group.size > 1 ? (group[1] & 0x7f) << 7 : 0)
          + (group.size > 2 ? (group[2] & 0x7f) << 14 : 0)
          + (group.size > 3 ? (group[3] & 0x7f) << 21 : 0)
          + (group.size > 4 ? (group[4] & 0x7f) << 28 : 0)
          + (group.size > 5 ? (group[5] & 0x7f) << 35 : 0)
          + (group.size > 6 ? (group[6] & 0x7f) << 42 : 0)
          + (group.size > 7 ? (group[7] & 0x7f) << 49 : 0)
          + (group.size > 8 ? (group[8] & 0x7f) << 56 : 0)
          + (group.size > 9 ? (group[9] & 0x7f) << 63 : 0)
      value: {value: 'digits % 2 == 0 ? digits / 2 : -(digits + 1) / 2'}
    -webide-representation: '{value:dec}'
  count:
    doc: Of the items of an array, -1 for null. In flexible versions one more than that, as a varint.
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s4, if: not is_flexible}
      - {id: compact, type: unsigned_varint, if: is_flexible}
    instances:
      value: {value: 'is_flexible ? (compact.value > 0 ? compact.value - 1 : 0) : (plain > 0 ? plain : 0)'}
    -webide-representation: '{value:dec}'
  text:
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s2, if: not is_flexible, doc: -1 for null.}
      - {id: compact, type: unsigned_varint, if: is_flexible, doc: 'One more than the length, 0 for null.'}
      - {id: text, type: str, size: 'is_flexible ? compact.value - 1 : plain', if: 'is_flexible ? compact.value > 0 : plain >= 0'}
    -webide-representation: '{text}'
  blob:
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s4, if: not is_flexible, doc: -1 for null.}
      - {id: compact, type: unsigned_varint, if: is_flexible, doc: 'One more than the length, 0 for null.'}
      - {id: bytes, size: 'is_flexible ? compact.value - 1 : plain', if: 'is_flexible ? compact.value > 0 : plain >= 0'}
    -webide-representation: '{bytes}'
  subscription_bytes:
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s4, if: not is_flexible}
      - {id: compact, type: unsigned_varint, if: is_flexible, doc: One more than the length.}
      - {id: subscription, type: subscription, size: 'is_flexible ? compact.value - 1 : plain', if: 'is_flexible ? compact.value > 1 : plain > 0'}
    -webide-representation: '{subscription}'
  subscription:
    doc: What members of the protocol type "consumer" say about themselves.
    seq:
      - {id: version, type: s2}
      - {id: subscription, type: consumer_protocol_subscription(version)}
      - {id: rest, size-eos: true}
  assignment_bytes:
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s4, if: not is_flexible}
      - {id: compact, type: unsigned_varint, if: is_flexible, doc: One more than the length.}
      - {id: assignment, type: assignment, size: 'is_flexible ? compact.value - 1 : plain', if: 'is_flexible ? compact.value > 1 : plain > 0'}
    -webide-representation: '{assignment}'
  assignment:
    seq:
      - {id: version, type: s2}
      - {id: assignment, type: consumer_protocol_assignment(version)}
      - {id: rest, size-eos: true}
  tags:
    doc: Fields that a newer program adds, and an older one skips.
    seq:
      - {id: count, type: unsigned_varint}
      - {id: tag, type: tagged_field, repeat: expr, repeat-expr: count.value}
  tagged_field:
    seq:
      - {id: tag, type: unsigned_varint}
      - {id: size, type: unsigned_varint}
      - {id: data, size: size.value}
  records:
    params: [{id: is_flexible, type: bool}]
    seq:
      - {id: plain, type: s4, if: not is_flexible}
      - {id: compact, type: unsigned_varint, if: is_flexible, doc: One more than the length.}
      - {id: batches, type: batches, size: 'is_flexible ? compact.value - 1 : plain', if: 'is_flexible ? compact.value > 0 : plain >= 0'}
  batches:
    seq:
      - {id: batch, type: batch, repeat: eos}
  batch:
    seq:
      - {id: base_offset, type: s8}
      - {id: batch_length, type: s4}
      - {id: contents, type: batch_contents, size: batch_length}
  batch_contents:
    seq:
      - {id: partition_leader_epoch, type: s4}
      - {id: magic, type: s1, valid: 2}
      - {id: crc, type: u4, -check: {algorithm: crc-32/iscsi, from: unused, to: compressed_records}, -hex: true}
      - {id: unused, type: b9}
      - {id: has_delete_horizon, type: b1}
      - {id: is_control, type: b1}
      - {id: is_transactional, type: b1}
      - {id: timestamp_type, type: b1, enum: timestamp_type}
      - {id: compression, type: b3, enum: compression}
      - {id: last_offset_delta, type: s4}
      - {id: base_timestamp, type: s8, doc: Milliseconds since 1970.}
      - {id: max_timestamp, type: s8}
      - {id: producer_id, type: s8}
      - {id: producer_epoch, type: s2}
      - {id: base_sequence, type: s4}
      - {id: record_count, type: s4}
      - {id: record, type: record, repeat: expr, repeat-expr: record_count, if: compression == compression::none}
      - {id: compressed_records, size-eos: true}
  record:
    seq:
      - {id: length, type: varint}
      - {id: attributes, type: s1}
      - {id: timestamp_delta, type: varint}
      - {id: offset_delta, type: varint}
      - {id: key_length, type: varint}
      - {id: key, size: key_length.value, if: key_length.value >= 0}
      - {id: value_length, type: varint}
      - {id: value, size: value_length.value, if: value_length.value >= 0}
      - {id: header_count, type: varint}
      - {id: header, type: record_header, repeat: expr, repeat-expr: header_count.value}
    -webide-representation: '{key} {value}'
  record_header:
    seq:
      - {id: key_length, type: varint}
      - {id: key, type: str, size: key_length.value}
      - {id: value_length, type: varint}
      - {id: value, size: value_length.value, if: value_length.value >= 0}
  produce_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 9}
      - {id: transactional_id, type: text(version >= 9), if: version >= 3}
      - {id: acks, type: s2}
      - {id: timeout_ms, type: s4}
      - {id: topic_data_count, type: count(version >= 9)}
      - {id: topic_data, type: produce_request_topic_produce_data(version), repeat: expr, repeat-expr: topic_data_count.value}
      - {id: tags, type: tags, if: version >= 9}
  produce_request_topic_produce_data:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 9)}
      - {id: partition_data_count, type: count(version >= 9)}
      - {id: partition_data, type: produce_request_partition_produce_data(version), repeat: expr, repeat-expr: partition_data_count.value}
      - {id: tags, type: tags, if: version >= 9}
  produce_request_partition_produce_data:
    params: [{id: version, type: s2}]
    seq:
      - {id: index, type: s4}
      - {id: records, type: records(version >= 9)}
      - {id: tags, type: tags, if: version >= 9}
  produce_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 9}
      - {id: responses_count, type: count(version >= 9)}
      - {id: responses, type: produce_response_topic_produce_response(version), repeat: expr, repeat-expr: responses_count.value}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: tags, type: tags, if: version >= 9}
  produce_response_topic_produce_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 9)}
      - {id: partition_responses_count, type: count(version >= 9)}
      - {id: partition_responses, type: produce_response_partition_produce_response(version), repeat: expr, repeat-expr: partition_responses_count.value}
      - {id: tags, type: tags, if: version >= 9}
  produce_response_partition_produce_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: index, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: base_offset, type: s8}
      - {id: log_append_time_ms, type: s8, if: version >= 2}
      - {id: log_start_offset, type: s8, if: version >= 5}
      - {id: record_errors_count, type: count(version >= 9), if: version >= 8}
      - {id: record_errors, type: produce_response_batch_index_and_error_message(version), if: version >= 8, repeat: expr, repeat-expr: record_errors_count.value}
      - {id: error_message, type: text(version >= 9), if: version >= 8}
      - {id: tags, type: tags, if: version >= 9}
  produce_response_batch_index_and_error_message:
    params: [{id: version, type: s2}]
    seq:
      - {id: batch_index, type: s4}
      - {id: batch_index_error_message, type: text(version >= 9)}
      - {id: tags, type: tags, if: version >= 9}
  fetch_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 12}
      - {id: replica_id, type: s4, if: version <= 14}
      - {id: max_wait_ms, type: s4}
      - {id: min_bytes, type: s4}
      - {id: max_bytes, type: s4, if: version >= 3}
      - {id: isolation_level, type: s1, if: version >= 4}
      - {id: session_id, type: s4, if: version >= 7}
      - {id: session_epoch, type: s4, if: version >= 7}
      - {id: topics_count, type: count(version >= 12)}
      - {id: topics, type: fetch_request_fetch_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: forgotten_topics_data_count, type: count(version >= 12), if: version >= 7}
      - {id: forgotten_topics_data, type: fetch_request_forgotten_topic(version), if: version >= 7, repeat: expr, repeat-expr: forgotten_topics_data_count.value}
      - {id: rack_id, type: text(version >= 12), if: version >= 11}
      - {id: tags, type: tags, if: version >= 12}
  fetch_request_fetch_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic, type: text(version >= 12), if: version <= 12}
      - {id: topic_id, size: 16, if: version >= 13}
      - {id: partitions_count, type: count(version >= 12)}
      - {id: partitions, type: fetch_request_fetch_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 12}
  fetch_request_fetch_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition, type: s4}
      - {id: current_leader_epoch, type: s4, if: version >= 9}
      - {id: fetch_offset, type: s8}
      - {id: last_fetched_epoch, type: s4, if: version >= 12}
      - {id: log_start_offset, type: s8, if: version >= 5}
      - {id: partition_max_bytes, type: s4}
      - {id: tags, type: tags, if: version >= 12}
  fetch_request_forgotten_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic, type: text(version >= 12), if: version <= 12}
      - {id: topic_id, size: 16, if: version >= 13}
      - {id: partitions_count, type: count(version >= 12)}
      - {id: partitions, type: s4, repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 12}
  fetch_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 12}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error, if: version >= 7}
      - {id: session_id, type: s4, if: version >= 7}
      - {id: responses_count, type: count(version >= 12)}
      - {id: responses, type: fetch_response_fetchable_topic_response(version), repeat: expr, repeat-expr: responses_count.value}
      - {id: tags, type: tags, if: version >= 12}
  fetch_response_fetchable_topic_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic, type: text(version >= 12), if: version <= 12}
      - {id: topic_id, size: 16, if: version >= 13}
      - {id: partitions_count, type: count(version >= 12)}
      - {id: partitions, type: fetch_response_partition_data(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 12}
  fetch_response_partition_data:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: high_watermark, type: s8}
      - {id: last_stable_offset, type: s8, if: version >= 4}
      - {id: log_start_offset, type: s8, if: version >= 5}
      - {id: aborted_transactions_count, type: count(version >= 12), if: version >= 4}
      - {id: aborted_transactions, type: fetch_response_aborted_transaction(version), if: version >= 4, repeat: expr, repeat-expr: aborted_transactions_count.value}
      - {id: preferred_read_replica, type: s4, if: version >= 11}
      - {id: records, type: records(version >= 12)}
      - {id: tags, type: tags, if: version >= 12}
  fetch_response_aborted_transaction:
    params: [{id: version, type: s2}]
    seq:
      - {id: producer_id, type: s8}
      - {id: first_offset, type: s8}
      - {id: tags, type: tags, if: version >= 12}
  list_offsets_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: replica_id, type: s4}
      - {id: isolation_level, type: s1, if: version >= 2}
      - {id: topics_count, type: count(version >= 6)}
      - {id: topics, type: list_offsets_request_list_offsets_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: timeout_ms, type: s4, if: version >= 10}
      - {id: tags, type: tags, if: version >= 6}
  list_offsets_request_list_offsets_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partitions_count, type: count(version >= 6)}
      - {id: partitions, type: list_offsets_request_list_offsets_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 6}
  list_offsets_request_list_offsets_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: current_leader_epoch, type: s4, if: version >= 4}
      - {id: timestamp, type: s8}
      - {id: max_num_offsets, type: s4, if: version <= 0}
      - {id: tags, type: tags, if: version >= 6}
  list_offsets_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: throttle_time_ms, type: s4, if: version >= 2}
      - {id: topics_count, type: count(version >= 6)}
      - {id: topics, type: list_offsets_response_list_offsets_topic_response(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 6}
  list_offsets_response_list_offsets_topic_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partitions_count, type: count(version >= 6)}
      - {id: partitions, type: list_offsets_response_list_offsets_partition_response(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 6}
  list_offsets_response_list_offsets_partition_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: old_style_offsets_count, type: count(version >= 6), if: version <= 0}
      - {id: old_style_offsets, type: s8, if: version <= 0, repeat: expr, repeat-expr: old_style_offsets_count.value}
      - {id: timestamp, type: s8, if: version >= 1}
      - {id: offset, type: s8, if: version >= 1}
      - {id: leader_epoch, type: s4, if: version >= 4}
      - {id: tags, type: tags, if: version >= 6}
  metadata_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 9}
      - {id: topics_count, type: count(version >= 9)}
      - {id: topics, type: metadata_request_metadata_request_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: allow_auto_topic_creation, type: u1, valid: {max: 1}, if: version >= 4}
      - {id: include_cluster_authorized_operations, type: u1, valid: {max: 1}, if: version >= 8 and version <= 10}
      - {id: include_topic_authorized_operations, type: u1, valid: {max: 1}, if: version >= 8}
      - {id: tags, type: tags, if: version >= 9}
  metadata_request_metadata_request_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic_id, size: 16, if: version >= 10}
      - {id: name, type: text(version >= 9)}
      - {id: tags, type: tags, if: version >= 9}
  metadata_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 9}
      - {id: throttle_time_ms, type: s4, if: version >= 3}
      - {id: brokers_count, type: count(version >= 9)}
      - {id: brokers, type: metadata_response_metadata_response_broker(version), repeat: expr, repeat-expr: brokers_count.value}
      - {id: cluster_id, type: text(version >= 9), if: version >= 2}
      - {id: controller_id, type: s4, if: version >= 1}
      - {id: topics_count, type: count(version >= 9)}
      - {id: topics, type: metadata_response_metadata_response_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: cluster_authorized_operations, type: s4, if: version >= 8 and version <= 10}
      - {id: tags, type: tags, if: version >= 9}
  metadata_response_metadata_response_broker:
    params: [{id: version, type: s2}]
    seq:
      - {id: node_id, type: s4}
      - {id: host, type: text(version >= 9)}
      - {id: port, type: s4}
      - {id: rack, type: text(version >= 9), if: version >= 1}
      - {id: tags, type: tags, if: version >= 9}
  metadata_response_metadata_response_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: name, type: text(version >= 9)}
      - {id: topic_id, size: 16, if: version >= 10}
      - {id: is_internal, type: u1, valid: {max: 1}, if: version >= 1}
      - {id: partitions_count, type: count(version >= 9)}
      - {id: partitions, type: metadata_response_metadata_response_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: topic_authorized_operations, type: s4, if: version >= 8}
      - {id: tags, type: tags, if: version >= 9}
  metadata_response_metadata_response_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: partition_index, type: s4}
      - {id: leader_id, type: s4}
      - {id: leader_epoch, type: s4, if: version >= 7}
      - {id: replica_nodes_count, type: count(version >= 9)}
      - {id: replica_nodes, type: s4, repeat: expr, repeat-expr: replica_nodes_count.value}
      - {id: isr_nodes_count, type: count(version >= 9)}
      - {id: isr_nodes, type: s4, repeat: expr, repeat-expr: isr_nodes_count.value}
      - {id: offline_replicas_count, type: count(version >= 9), if: version >= 5}
      - {id: offline_replicas, type: s4, if: version >= 5, repeat: expr, repeat-expr: offline_replicas_count.value}
      - {id: tags, type: tags, if: version >= 9}
  offset_commit_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 8}
      - {id: group_id, type: text(version >= 8)}
      - {id: generation_id_or_member_epoch, type: s4, if: version >= 1}
      - {id: member_id, type: text(version >= 8), if: version >= 1}
      - {id: group_instance_id, type: text(version >= 8), if: version >= 7}
      - {id: retention_time_ms, type: s8, if: version >= 2 and version <= 4}
      - {id: topics_count, type: count(version >= 8)}
      - {id: topics, type: offset_commit_request_offset_commit_request_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 8}
  offset_commit_request_offset_commit_request_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 8)}
      - {id: partitions_count, type: count(version >= 8)}
      - {id: partitions, type: offset_commit_request_offset_commit_request_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 8}
  offset_commit_request_offset_commit_request_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: committed_offset, type: s8}
      - {id: committed_leader_epoch, type: s4, if: version >= 6}
      - {id: commit_timestamp, type: s8, if: version >= 1 and version <= 1}
      - {id: committed_metadata, type: text(version >= 8)}
      - {id: tags, type: tags, if: version >= 8}
  offset_commit_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 8}
      - {id: throttle_time_ms, type: s4, if: version >= 3}
      - {id: topics_count, type: count(version >= 8)}
      - {id: topics, type: offset_commit_response_offset_commit_response_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 8}
  offset_commit_response_offset_commit_response_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 8)}
      - {id: partitions_count, type: count(version >= 8)}
      - {id: partitions, type: offset_commit_response_offset_commit_response_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 8}
  offset_commit_response_offset_commit_response_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 8}
  offset_fetch_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: group_id, type: text(version >= 6), if: version <= 7}
      - {id: topics_count, type: count(version >= 6), if: version <= 7}
      - {id: topics, type: offset_fetch_request_offset_fetch_request_topic(version), if: version <= 7, repeat: expr, repeat-expr: topics_count.value}
      - {id: groups_count, type: count(version >= 6), if: version >= 8}
      - {id: groups, type: offset_fetch_request_offset_fetch_request_group(version), if: version >= 8, repeat: expr, repeat-expr: groups_count.value}
      - {id: require_stable, type: u1, valid: {max: 1}, if: version >= 7}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_request_offset_fetch_request_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partition_indexes_count, type: count(version >= 6)}
      - {id: partition_indexes, type: s4, repeat: expr, repeat-expr: partition_indexes_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_request_offset_fetch_request_group:
    params: [{id: version, type: s2}]
    seq:
      - {id: group_id, type: text(version >= 6)}
      - {id: member_id, type: text(version >= 6), if: version >= 9}
      - {id: member_epoch, type: s4, if: version >= 9}
      - {id: topics_count, type: count(version >= 6)}
      - {id: topics, type: offset_fetch_request_offset_fetch_request_topics(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_request_offset_fetch_request_topics:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partition_indexes_count, type: count(version >= 6)}
      - {id: partition_indexes, type: s4, repeat: expr, repeat-expr: partition_indexes_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: throttle_time_ms, type: s4, if: version >= 3}
      - {id: topics_count, type: count(version >= 6), if: version <= 7}
      - {id: topics, type: offset_fetch_response_offset_fetch_response_topic(version), if: version <= 7, repeat: expr, repeat-expr: topics_count.value}
      - {id: error_code, type: s2, enum: error, if: version >= 2 and version <= 7}
      - {id: groups_count, type: count(version >= 6), if: version >= 8}
      - {id: groups, type: offset_fetch_response_offset_fetch_response_group(version), if: version >= 8, repeat: expr, repeat-expr: groups_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response_offset_fetch_response_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partitions_count, type: count(version >= 6)}
      - {id: partitions, type: offset_fetch_response_offset_fetch_response_partition(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response_offset_fetch_response_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: committed_offset, type: s8}
      - {id: committed_leader_epoch, type: s4, if: version >= 5}
      - {id: metadata, type: text(version >= 6)}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response_offset_fetch_response_group:
    params: [{id: version, type: s2}]
    seq:
      - {id: group_id, type: text(version >= 6)}
      - {id: topics_count, type: count(version >= 6)}
      - {id: topics, type: offset_fetch_response_offset_fetch_response_topics(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response_offset_fetch_response_topics:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: partitions_count, type: count(version >= 6)}
      - {id: partitions, type: offset_fetch_response_offset_fetch_response_partitions(version), repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 6}
  offset_fetch_response_offset_fetch_response_partitions:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: committed_offset, type: s8}
      - {id: committed_leader_epoch, type: s4}
      - {id: metadata, type: text(version >= 6)}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 6}
  find_coordinator_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: key, type: text(version >= 3), if: version <= 3}
      - {id: key_type, type: s1, if: version >= 1}
      - {id: coordinator_keys_count, type: count(version >= 3), if: version >= 4}
      - {id: coordinator_keys, type: text(version >= 3), if: version >= 4, repeat: expr, repeat-expr: coordinator_keys_count.value}
      - {id: tags, type: tags, if: version >= 3}
  find_coordinator_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error, if: version <= 3}
      - {id: error_message, type: text(version >= 3), if: version >= 1 and version <= 3}
      - {id: node_id, type: s4, if: version <= 3}
      - {id: host, type: text(version >= 3), if: version <= 3}
      - {id: port, type: s4, if: version <= 3}
      - {id: coordinators_count, type: count(version >= 3), if: version >= 4}
      - {id: coordinators, type: find_coordinator_response_coordinator(version), if: version >= 4, repeat: expr, repeat-expr: coordinators_count.value}
      - {id: tags, type: tags, if: version >= 3}
  find_coordinator_response_coordinator:
    params: [{id: version, type: s2}]
    seq:
      - {id: key, type: text(version >= 3)}
      - {id: node_id, type: s4}
      - {id: host, type: text(version >= 3)}
      - {id: port, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: error_message, type: text(version >= 3)}
      - {id: tags, type: tags, if: version >= 3}
  join_group_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: group_id, type: text(version >= 6)}
      - {id: session_timeout_ms, type: s4}
      - {id: rebalance_timeout_ms, type: s4, if: version >= 1}
      - {id: member_id, type: text(version >= 6)}
      - {id: group_instance_id, type: text(version >= 6), if: version >= 5}
      - {id: protocol_type, type: text(version >= 6)}
      - {id: protocols_count, type: count(version >= 6)}
      - {id: protocols, type: join_group_request_join_group_request_protocol(version), repeat: expr, repeat-expr: protocols_count.value}
      - {id: reason, type: text(version >= 6), if: version >= 8}
      - {id: tags, type: tags, if: version >= 6}
  join_group_request_join_group_request_protocol:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 6)}
      - {id: metadata, type: subscription_bytes(version >= 6)}
      - {id: tags, type: tags, if: version >= 6}
  join_group_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 6}
      - {id: throttle_time_ms, type: s4, if: version >= 2}
      - {id: error_code, type: s2, enum: error}
      - {id: generation_id, type: s4}
      - {id: protocol_type, type: text(version >= 6), if: version >= 7}
      - {id: protocol_name, type: text(version >= 6)}
      - {id: leader, type: text(version >= 6)}
      - {id: skip_assignment, type: u1, valid: {max: 1}, if: version >= 9}
      - {id: member_id, type: text(version >= 6)}
      - {id: members_count, type: count(version >= 6)}
      - {id: members, type: join_group_response_join_group_response_member(version), repeat: expr, repeat-expr: members_count.value}
      - {id: tags, type: tags, if: version >= 6}
  join_group_response_join_group_response_member:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(version >= 6)}
      - {id: group_instance_id, type: text(version >= 6), if: version >= 5}
      - {id: metadata, type: subscription_bytes(version >= 6)}
      - {id: tags, type: tags, if: version >= 6}
  heartbeat_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: group_id, type: text(version >= 4)}
      - {id: generation_id, type: s4}
      - {id: member_id, type: text(version >= 4)}
      - {id: group_instance_id, type: text(version >= 4), if: version >= 3}
      - {id: tags, type: tags, if: version >= 4}
  heartbeat_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 4}
  leave_group_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: group_id, type: text(version >= 4)}
      - {id: member_id, type: text(version >= 4), if: version <= 2}
      - {id: members_count, type: count(version >= 4), if: version >= 3}
      - {id: members, type: leave_group_request_member_identity(version), if: version >= 3, repeat: expr, repeat-expr: members_count.value}
      - {id: tags, type: tags, if: version >= 4}
  leave_group_request_member_identity:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(version >= 4)}
      - {id: group_instance_id, type: text(version >= 4)}
      - {id: reason, type: text(version >= 4), if: version >= 5}
      - {id: tags, type: tags, if: version >= 4}
  leave_group_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error}
      - {id: members_count, type: count(version >= 4), if: version >= 3}
      - {id: members, type: leave_group_response_member_response(version), if: version >= 3, repeat: expr, repeat-expr: members_count.value}
      - {id: tags, type: tags, if: version >= 4}
  leave_group_response_member_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(version >= 4)}
      - {id: group_instance_id, type: text(version >= 4)}
      - {id: error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 4}
  sync_group_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: group_id, type: text(version >= 4)}
      - {id: generation_id, type: s4}
      - {id: member_id, type: text(version >= 4)}
      - {id: group_instance_id, type: text(version >= 4), if: version >= 3}
      - {id: protocol_type, type: text(version >= 4), if: version >= 5}
      - {id: protocol_name, type: text(version >= 4), if: version >= 5}
      - {id: assignments_count, type: count(version >= 4)}
      - {id: assignments, type: sync_group_request_sync_group_request_assignment(version), repeat: expr, repeat-expr: assignments_count.value}
      - {id: tags, type: tags, if: version >= 4}
  sync_group_request_sync_group_request_assignment:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(version >= 4)}
      - {id: assignment, type: assignment_bytes(version >= 4)}
      - {id: tags, type: tags, if: version >= 4}
  sync_group_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error}
      - {id: protocol_type, type: text(version >= 4), if: version >= 5}
      - {id: protocol_name, type: text(version >= 4), if: version >= 5}
      - {id: assignment, type: assignment_bytes(version >= 4)}
      - {id: tags, type: tags, if: version >= 4}
  describe_groups_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 5}
      - {id: groups_count, type: count(version >= 5)}
      - {id: groups, type: text(version >= 5), repeat: expr, repeat-expr: groups_count.value}
      - {id: include_authorized_operations, type: u1, valid: {max: 1}, if: version >= 3}
      - {id: tags, type: tags, if: version >= 5}
  describe_groups_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 5}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: groups_count, type: count(version >= 5)}
      - {id: groups, type: describe_groups_response_described_group(version), repeat: expr, repeat-expr: groups_count.value}
      - {id: tags, type: tags, if: version >= 5}
  describe_groups_response_described_group:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: group_id, type: text(version >= 5)}
      - {id: group_state, type: text(version >= 5)}
      - {id: protocol_type, type: text(version >= 5)}
      - {id: protocol_data, type: text(version >= 5)}
      - {id: members_count, type: count(version >= 5)}
      - {id: members, type: describe_groups_response_described_group_member(version), repeat: expr, repeat-expr: members_count.value}
      - {id: authorized_operations, type: s4, if: version >= 3}
      - {id: tags, type: tags, if: version >= 5}
  describe_groups_response_described_group_member:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(version >= 5)}
      - {id: group_instance_id, type: text(version >= 5), if: version >= 4}
      - {id: client_id, type: text(version >= 5)}
      - {id: client_host, type: text(version >= 5)}
      - {id: member_metadata, type: subscription_bytes(version >= 5)}
      - {id: member_assignment, type: assignment_bytes(version >= 5)}
      - {id: tags, type: tags, if: version >= 5}
  list_groups_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: states_filter_count, type: count(version >= 3), if: version >= 4}
      - {id: states_filter, type: text(version >= 3), if: version >= 4, repeat: expr, repeat-expr: states_filter_count.value}
      - {id: types_filter_count, type: count(version >= 3), if: version >= 5}
      - {id: types_filter, type: text(version >= 3), if: version >= 5, repeat: expr, repeat-expr: types_filter_count.value}
      - {id: tags, type: tags, if: version >= 3}
  list_groups_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: error_code, type: s2, enum: error}
      - {id: groups_count, type: count(version >= 3)}
      - {id: groups, type: list_groups_response_listed_group(version), repeat: expr, repeat-expr: groups_count.value}
      - {id: tags, type: tags, if: version >= 3}
  list_groups_response_listed_group:
    params: [{id: version, type: s2}]
    seq:
      - {id: group_id, type: text(version >= 3)}
      - {id: protocol_type, type: text(version >= 3)}
      - {id: group_state, type: text(version >= 3), if: version >= 4}
      - {id: group_type, type: text(version >= 3), if: version >= 5}
      - {id: tags, type: tags, if: version >= 3}
  api_versions_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: client_software_name, type: text(version >= 3), if: version >= 3}
      - {id: client_software_version, type: text(version >= 3), if: version >= 3}
      - {id: tags, type: tags, if: version >= 3}
  api_versions_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: api_keys_count, type: count(version >= 3)}
      - {id: api_keys, type: api_versions_response_api_version(version), repeat: expr, repeat-expr: api_keys_count.value}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: tags, type: tags, if: version >= 3}
  api_versions_response_api_version:
    params: [{id: version, type: s2}]
    seq:
      - {id: api_key, type: s2, enum: api_key}
      - {id: min_version, type: s2}
      - {id: max_version, type: s2}
      - {id: tags, type: tags, if: version >= 3}
  create_topics_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 5}
      - {id: topics_count, type: count(version >= 5)}
      - {id: topics, type: create_topics_request_creatable_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: timeout_ms, type: s4}
      - {id: validate_only, type: u1, valid: {max: 1}, if: version >= 1}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_request_creatable_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 5)}
      - {id: num_partitions, type: s4}
      - {id: replication_factor, type: s2}
      - {id: assignments_count, type: count(version >= 5)}
      - {id: assignments, type: create_topics_request_creatable_replica_assignment(version), repeat: expr, repeat-expr: assignments_count.value}
      - {id: configs_count, type: count(version >= 5)}
      - {id: configs, type: create_topics_request_creatable_topic_config(version), repeat: expr, repeat-expr: configs_count.value}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_request_creatable_replica_assignment:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: broker_ids_count, type: count(version >= 5)}
      - {id: broker_ids, type: s4, repeat: expr, repeat-expr: broker_ids_count.value}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_request_creatable_topic_config:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 5)}
      - {id: value, type: text(version >= 5)}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 5}
      - {id: throttle_time_ms, type: s4, if: version >= 2}
      - {id: topics_count, type: count(version >= 5)}
      - {id: topics, type: create_topics_response_creatable_topic_result(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_response_creatable_topic_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 5)}
      - {id: topic_id, size: 16, if: version >= 7}
      - {id: error_code, type: s2, enum: error}
      - {id: error_message, type: text(version >= 5), if: version >= 1}
      - {id: num_partitions, type: s4, if: version >= 5}
      - {id: replication_factor, type: s2, if: version >= 5}
      - {id: configs_count, type: count(version >= 5), if: version >= 5}
      - {id: configs, type: create_topics_response_creatable_topic_configs(version), if: version >= 5, repeat: expr, repeat-expr: configs_count.value}
      - {id: tags, type: tags, if: version >= 5}
  create_topics_response_creatable_topic_configs:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 5)}
      - {id: value, type: text(version >= 5)}
      - {id: read_only, type: u1, valid: {max: 1}}
      - {id: config_source, type: s1}
      - {id: is_sensitive, type: u1, valid: {max: 1}}
      - {id: tags, type: tags, if: version >= 5}
  delete_topics_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: topics_count, type: count(version >= 4), if: version >= 6}
      - {id: topics, type: delete_topics_request_delete_topic_state(version), if: version >= 6, repeat: expr, repeat-expr: topics_count.value}
      - {id: topic_names_count, type: count(version >= 4), if: version <= 5}
      - {id: topic_names, type: text(version >= 4), if: version <= 5, repeat: expr, repeat-expr: topic_names_count.value}
      - {id: timeout_ms, type: s4}
      - {id: tags, type: tags, if: version >= 4}
  delete_topics_request_delete_topic_state:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 4)}
      - {id: topic_id, size: 16}
      - {id: tags, type: tags, if: version >= 4}
  delete_topics_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: throttle_time_ms, type: s4, if: version >= 1}
      - {id: responses_count, type: count(version >= 4)}
      - {id: responses, type: delete_topics_response_deletable_topic_result(version), repeat: expr, repeat-expr: responses_count.value}
      - {id: tags, type: tags, if: version >= 4}
  delete_topics_response_deletable_topic_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 4)}
      - {id: topic_id, size: 16, if: version >= 6}
      - {id: error_code, type: s2, enum: error}
      - {id: error_message, type: text(version >= 4), if: version >= 5}
      - {id: tags, type: tags, if: version >= 4}
  init_producer_id_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 2}
      - {id: transactional_id, type: text(version >= 2)}
      - {id: transaction_timeout_ms, type: s4}
      - {id: producer_id, type: s8, if: version >= 3}
      - {id: producer_epoch, type: s2, if: version >= 3}
      - {id: tags, type: tags, if: version >= 2}
  init_producer_id_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 2}
      - {id: throttle_time_ms, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: producer_id, type: s8}
      - {id: producer_epoch, type: s2}
      - {id: tags, type: tags, if: version >= 2}
  add_partitions_to_txn_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: transactions_count, type: count(version >= 3), if: version >= 4}
      - {id: transactions, type: add_partitions_to_txn_request_add_partitions_to_txn_transaction(version), if: version >= 4, repeat: expr, repeat-expr: transactions_count.value}
      - {id: v3_and_below_transactional_id, type: text(version >= 3), if: version <= 3}
      - {id: v3_and_below_producer_id, type: s8, if: version <= 3}
      - {id: v3_and_below_producer_epoch, type: s2, if: version <= 3}
      - {id: v3_and_below_topics_count, type: count(version >= 3), if: version <= 3}
      - {id: v3_and_below_topics, type: add_partitions_to_txn_request_add_partitions_to_txn_topic(version), if: version <= 3, repeat: expr, repeat-expr: v3_and_below_topics_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_request_add_partitions_to_txn_transaction:
    params: [{id: version, type: s2}]
    seq:
      - {id: transactional_id, type: text(version >= 3)}
      - {id: producer_id, type: s8}
      - {id: producer_epoch, type: s2}
      - {id: verify_only, type: u1, valid: {max: 1}}
      - {id: topics_count, type: count(version >= 3)}
      - {id: topics, type: add_partitions_to_txn_request_add_partitions_to_txn_topic(version), repeat: expr, repeat-expr: topics_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_request_add_partitions_to_txn_topic:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 3)}
      - {id: partitions_count, type: count(version >= 3)}
      - {id: partitions, type: s4, repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: throttle_time_ms, type: s4}
      - {id: error_code, type: s2, enum: error, if: version >= 4}
      - {id: results_by_transaction_count, type: count(version >= 3), if: version >= 4}
      - {id: results_by_transaction, type: add_partitions_to_txn_response_add_partitions_to_txn_result(version), if: version >= 4, repeat: expr, repeat-expr: results_by_transaction_count.value}
      - {id: results_by_topic_v3_and_below_count, type: count(version >= 3), if: version <= 3}
      - {id: results_by_topic_v3_and_below, type: add_partitions_to_txn_response_add_partitions_to_txn_topic_result(version), if: version <= 3, repeat: expr, repeat-expr: results_by_topic_v3_and_below_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_response_add_partitions_to_txn_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: transactional_id, type: text(version >= 3)}
      - {id: topic_results_count, type: count(version >= 3)}
      - {id: topic_results, type: add_partitions_to_txn_response_add_partitions_to_txn_topic_result(version), repeat: expr, repeat-expr: topic_results_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_response_add_partitions_to_txn_topic_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 3)}
      - {id: results_by_partition_count, type: count(version >= 3)}
      - {id: results_by_partition, type: add_partitions_to_txn_response_add_partitions_to_txn_partition_result(version), repeat: expr, repeat-expr: results_by_partition_count.value}
      - {id: tags, type: tags, if: version >= 3}
  add_partitions_to_txn_response_add_partitions_to_txn_partition_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: partition_index, type: s4}
      - {id: partition_error_code, type: s2, enum: error}
      - {id: tags, type: tags, if: version >= 3}
  end_txn_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: transactional_id, type: text(version >= 3)}
      - {id: producer_id, type: s8}
      - {id: producer_epoch, type: s2}
      - {id: committed, type: u1, valid: {max: 1}}
      - {id: tags, type: tags, if: version >= 3}
  end_txn_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 3}
      - {id: throttle_time_ms, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: producer_id, type: s8, if: version >= 5}
      - {id: producer_epoch, type: s2, if: version >= 5}
      - {id: tags, type: tags, if: version >= 3}
  describe_configs_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: resources_count, type: count(version >= 4)}
      - {id: resources, type: describe_configs_request_describe_configs_resource(version), repeat: expr, repeat-expr: resources_count.value}
      - {id: include_synonyms, type: u1, valid: {max: 1}, if: version >= 1}
      - {id: include_documentation, type: u1, valid: {max: 1}, if: version >= 3}
      - {id: tags, type: tags, if: version >= 4}
  describe_configs_request_describe_configs_resource:
    params: [{id: version, type: s2}]
    seq:
      - {id: resource_type, type: s1}
      - {id: resource_name, type: text(version >= 4)}
      - {id: configuration_keys_count, type: count(version >= 4)}
      - {id: configuration_keys, type: text(version >= 4), repeat: expr, repeat-expr: configuration_keys_count.value}
      - {id: tags, type: tags, if: version >= 4}
  describe_configs_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags, if: version >= 4}
      - {id: throttle_time_ms, type: s4}
      - {id: results_count, type: count(version >= 4)}
      - {id: results, type: describe_configs_response_describe_configs_result(version), repeat: expr, repeat-expr: results_count.value}
      - {id: tags, type: tags, if: version >= 4}
  describe_configs_response_describe_configs_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: error_message, type: text(version >= 4)}
      - {id: resource_type, type: s1}
      - {id: resource_name, type: text(version >= 4)}
      - {id: configs_count, type: count(version >= 4)}
      - {id: configs, type: describe_configs_response_describe_configs_resource_result(version), repeat: expr, repeat-expr: configs_count.value}
      - {id: tags, type: tags, if: version >= 4}
  describe_configs_response_describe_configs_resource_result:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 4)}
      - {id: value, type: text(version >= 4)}
      - {id: read_only, type: u1, valid: {max: 1}}
      - {id: is_default, type: u1, valid: {max: 1}, if: version <= 0}
      - {id: config_source, type: s1, if: version >= 1}
      - {id: is_sensitive, type: u1, valid: {max: 1}}
      - {id: synonyms_count, type: count(version >= 4), if: version >= 1}
      - {id: synonyms, type: describe_configs_response_describe_configs_synonym(version), if: version >= 1, repeat: expr, repeat-expr: synonyms_count.value}
      - {id: config_type, type: s1, if: version >= 3}
      - {id: documentation, type: text(version >= 4), if: version >= 3}
      - {id: tags, type: tags, if: version >= 4}
  describe_configs_response_describe_configs_synonym:
    params: [{id: version, type: s2}]
    seq:
      - {id: name, type: text(version >= 4)}
      - {id: value, type: text(version >= 4)}
      - {id: source, type: s1}
      - {id: tags, type: tags, if: version >= 4}
  consumer_group_describe_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags}
      - {id: group_ids_count, type: count(true)}
      - {id: group_ids, type: text(true), repeat: expr, repeat-expr: group_ids_count.value}
      - {id: include_authorized_operations, type: u1, valid: {max: 1}}
      - {id: tags, type: tags}
  consumer_group_describe_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags}
      - {id: throttle_time_ms, type: s4}
      - {id: groups_count, type: count(true)}
      - {id: groups, type: consumer_group_describe_response_described_group(version), repeat: expr, repeat-expr: groups_count.value}
      - {id: tags, type: tags}
  consumer_group_describe_response_described_group:
    params: [{id: version, type: s2}]
    seq:
      - {id: error_code, type: s2, enum: error}
      - {id: error_message, type: text(true)}
      - {id: group_id, type: text(true)}
      - {id: group_state, type: text(true)}
      - {id: group_epoch, type: s4}
      - {id: assignment_epoch, type: s4}
      - {id: assignor_name, type: text(true)}
      - {id: members_count, type: count(true)}
      - {id: members, type: consumer_group_describe_response_member(version), repeat: expr, repeat-expr: members_count.value}
      - {id: authorized_operations, type: s4}
      - {id: tags, type: tags}
  consumer_group_describe_response_member:
    params: [{id: version, type: s2}]
    seq:
      - {id: member_id, type: text(true)}
      - {id: instance_id, type: text(true)}
      - {id: rack_id, type: text(true)}
      - {id: member_epoch, type: s4}
      - {id: client_id, type: text(true)}
      - {id: client_host, type: text(true)}
      - {id: subscribed_topic_names_count, type: count(true)}
      - {id: subscribed_topic_names, type: text(true), repeat: expr, repeat-expr: subscribed_topic_names_count.value}
      - {id: subscribed_topic_regex, type: text(true)}
      - {id: assignment, type: consumer_group_describe_response_assignment(version)}
      - {id: target_assignment, type: consumer_group_describe_response_assignment(version)}
      - {id: tags, type: tags}
  consumer_group_describe_response_assignment:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic_partitions_count, type: count(true)}
      - {id: topic_partitions, type: consumer_group_describe_response_topic_partitions(version), repeat: expr, repeat-expr: topic_partitions_count.value}
      - {id: tags, type: tags}
  consumer_group_describe_response_topic_partitions:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic_id, size: 16}
      - {id: topic_name, type: text(true)}
      - {id: partitions_count, type: count(true)}
      - {id: partitions, type: s4, repeat: expr, repeat-expr: partitions_count.value}
      - {id: tags, type: tags}
  get_telemetry_subscriptions_request:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags}
      - {id: client_instance_id, size: 16}
      - {id: tags, type: tags}
  get_telemetry_subscriptions_response:
    params: [{id: version, type: s2}]
    seq:
      - {id: header_tags, type: tags}
      - {id: throttle_time_ms, type: s4}
      - {id: error_code, type: s2, enum: error}
      - {id: client_instance_id, size: 16}
      - {id: subscription_id, type: s4}
      - {id: accepted_compression_types_count, type: count(true)}
      - {id: accepted_compression_types, type: s1, repeat: expr, repeat-expr: accepted_compression_types_count.value}
      - {id: push_interval_ms, type: s4}
      - {id: telemetry_max_bytes, type: s4}
      - {id: delta_temporality, type: u1, valid: {max: 1}}
      - {id: requested_metrics_count, type: count(true)}
      - {id: requested_metrics, type: text(true), repeat: expr, repeat-expr: requested_metrics_count.value}
      - {id: tags, type: tags}
  consumer_protocol_subscription:
    params: [{id: version, type: s2}]
    seq:
      - {id: topics_count, type: count(false)}
      - {id: topics, type: text(false), repeat: expr, repeat-expr: topics_count.value}
      - {id: user_data, type: blob(false)}
      - {id: owned_partitions_count, type: count(false), if: version >= 1}
      - {id: owned_partitions, type: consumer_protocol_subscription_topic_partition(version), if: version >= 1, repeat: expr, repeat-expr: owned_partitions_count.value}
      - {id: generation_id, type: s4, if: version >= 2}
      - {id: rack_id, type: text(false), if: version >= 3}
  consumer_protocol_subscription_topic_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic, type: text(false)}
      - {id: partitions_count, type: count(false)}
      - {id: partitions, type: s4, repeat: expr, repeat-expr: partitions_count.value}
  consumer_protocol_assignment:
    params: [{id: version, type: s2}]
    seq:
      - {id: assigned_partitions_count, type: count(false)}
      - {id: assigned_partitions, type: consumer_protocol_assignment_topic_partition(version), repeat: expr, repeat-expr: assigned_partitions_count.value}
      - {id: user_data, type: blob(false)}
  consumer_protocol_assignment_topic_partition:
    params: [{id: version, type: s2}]
    seq:
      - {id: topic, type: text(false)}
      - {id: partitions_count, type: count(false)}
      - {id: partitions, type: s4, repeat: expr, repeat-expr: partitions_count.value}
enums:
  compression:
    0: none
    1: gzip
    2: snappy
    3: lz4
    4: zstd
  timestamp_type:
    0: create_time
    1: log_append_time
  api_key:
    0: produce
    1: fetch
    2: list_offsets
    3: metadata
    4: leader_and_isr
    5: stop_replica
    6: update_metadata
    7: controlled_shutdown
    8: offset_commit
    9: offset_fetch
    10: find_coordinator
    11: join_group
    12: heartbeat
    13: leave_group
    14: sync_group
    15: describe_groups
    16: list_groups
    17: sasl_handshake
    18: api_versions
    19: create_topics
    20: delete_topics
    21: delete_records
    22: init_producer_id
    23: offset_for_leader_epoch
    24: add_partitions_to_txn
    25: add_offsets_to_txn
    26: end_txn
    27: write_txn_markers
    28: txn_offset_commit
    29: describe_acls
    30: create_acls
    31: delete_acls
    32: describe_configs
    33: alter_configs
    34: alter_replica_log_dirs
    35: describe_log_dirs
    36: sasl_authenticate
    37: create_partitions
    38: create_delegation_token
    39: renew_delegation_token
    40: expire_delegation_token
    41: describe_delegation_token
    42: delete_groups
    43: elect_leaders
    44: incremental_alter_configs
    45: alter_partition_reassignments
    46: list_partition_reassignments
    47: offset_delete
    48: describe_client_quotas
    49: alter_client_quotas
    50: describe_user_scram_credentials
    51: alter_user_scram_credentials
    52: vote
    53: begin_quorum_epoch
    54: end_quorum_epoch
    55: describe_quorum
    56: alter_partition
    57: update_features
    58: envelope
    59: fetch_snapshot
    60: describe_cluster
    61: describe_producers
    62: broker_registration
    63: broker_heartbeat
    64: unregister_broker
    65: describe_transactions
    66: list_transactions
    67: allocate_producer_ids
    68: consumer_group_heartbeat
    69: consumer_group_describe
    70: controller_registration
    71: get_telemetry_subscriptions
    72: push_telemetry
    73: assign_replicas_to_dirs
    74: list_client_metrics_resources
    75: describe_topic_partitions
    76: share_group_heartbeat
    77: share_group_describe
    78: share_fetch
    79: share_acknowledge
    80: add_raft_voter
    81: remove_raft_voter
    82: update_raft_voter
    83: initialize_share_group_state
    84: read_share_group_state
    85: write_share_group_state
    86: delete_share_group_state
    87: read_share_group_state_summary
  error:
    0: none
    1: offset_out_of_range
    2: corrupt_message
    3: unknown_topic_or_partition
    4: invalid_fetch_size
    5: leader_not_available
    6: not_leader_or_follower
    7: request_timed_out
    8: broker_not_available
    9: replica_not_available
    10: message_too_large
    11: stale_controller_epoch
    12: offset_metadata_too_large
    13: network_exception
    14: coordinator_load_in_progress
    15: coordinator_not_available
    16: not_coordinator
    17: invalid_topic_exception
    18: record_list_too_large
    19: not_enough_replicas
    20: not_enough_replicas_after_append
    21: invalid_required_acks
    22: illegal_generation
    23: inconsistent_group_protocol
    24: invalid_group_id
    25: unknown_member_id
    26: invalid_session_timeout
    27: rebalance_in_progress
    28: invalid_commit_offset_size
    29: topic_authorization_failed
    30: group_authorization_failed
    31: cluster_authorization_failed
    32: invalid_timestamp
    33: unsupported_sasl_mechanism
    34: illegal_sasl_state
    35: unsupported_version
    36: topic_already_exists
    37: invalid_partitions
    38: invalid_replication_factor
    39: invalid_replica_assignment
    40: invalid_config
    41: not_controller
    42: invalid_request
    43: unsupported_for_message_format
    44: policy_violation
    45: out_of_order_sequence_number
    46: duplicate_sequence_number
    47: invalid_producer_epoch
    48: invalid_txn_state
    49: invalid_producer_id_mapping
    50: invalid_transaction_timeout
    51: concurrent_transactions
    52: transaction_coordinator_fenced
    53: transactional_id_authorization_failed
    54: security_disabled
    55: operation_not_attempted
    56: kafka_storage_error
    57: log_dir_not_found
    58: sasl_authentication_failed
    59: unknown_producer_id
    60: reassignment_in_progress
    61: delegation_token_auth_disabled
    62: delegation_token_not_found
    63: delegation_token_owner_mismatch
    64: delegation_token_request_not_allowed
    65: delegation_token_authorization_failed
    66: delegation_token_expired
    67: invalid_principal_type
    68: non_empty_group
    69: group_id_not_found
    70: fetch_session_id_not_found
    71: invalid_fetch_session_epoch
    72: listener_not_found
    73: topic_deletion_disabled
    74: fenced_leader_epoch
    75: unknown_leader_epoch
    76: unsupported_compression_type
    77: stale_broker_epoch
    78: offset_not_available
    79: member_id_required
    80: preferred_leader_not_available
    81: group_max_size_reached
    82: fenced_instance_id
    83: eligible_leaders_not_available
    84: election_not_needed
    85: no_reassignment_in_progress
    86: group_subscribed_to_topic
    87: invalid_record
    88: unstable_offset_commit
    89: throttling_quota_exceeded
    90: producer_fenced
    91: resource_not_found
    92: duplicate_resource
    93: unacceptable_credential
    94: inconsistent_voter_set
    95: invalid_update_version
    96: feature_update_failed
    97: principal_deserialization_failure
    98: snapshot_not_found
    100: unknown_topic_id
    101: duplicate_broker_registration
    102: broker_id_not_registered
    103: inconsistent_topic_id
    104: inconsistent_cluster_id
    105: transactional_id_not_found
    106: fetch_session_topic_id_error
    107: ineligible_replica
    108: new_leader_elected
    109: offset_moved_to_tiered_storage
    110: fenced_member_epoch
    111: unreleased_instance_id
    112: unsupported_assignor
    113: stale_member_epoch
    114: mismatched_endpoint_type
    115: unsupported_endpoint_type
    116: unknown_controller_id
    117: unknown_subscription_id
    118: telemetry_too_large
    119: invalid_registration
    120: transaction_abortable
    121: invalid_record_state
    122: share_session_not_found
    123: invalid_share_session_epoch
    124: fenced_state_epoch
    125: invalid_voter_key
    126: duplicate_voter
    127: voter_not_found
    128: invalid_regular_expression
