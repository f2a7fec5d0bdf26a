# Minecraft Java Edition: packets with their length in front. A handshake chooses between status and login; a login may switch on
# compression for both directions, and ends in play, since 1.20.2 by way of configuration.
# Packets of play are described for 1.8 and 1.20.4, as far as they are in the capture; others are shown as bytes.
# Source: the pages about the protocol, its data types and NBT on minecraft.wiki.
meta:
  id: minecraft
  title: Minecraft Java Edition
  endian: be
  encoding: UTF-8
  -framescope:
    transport: tcp
    ports: 25565
    limit: 2097155
    kind: kind
    summary: '{frame}'
    conversation:
      variables:
        version: 0
        threshold: -1
      client: handshaking
      server: status_to_client
      middle: {client: play_to_server, server: play_to_client}
      states:
        handshaking:
          set: {version: frame.contents.packet.data.as<handshake>.version.value}
          then:
            - {when: frame.contents.packet.data.as<handshake>.next_state.value == 1, next: status_to_server, peer: status_to_client}
            - {when: true, next: login_to_server, peer: login_to_client}
        status_to_server: {}
        status_to_client: {}
        login_to_server:
          then:
            - {when: kind == packet::login_acknowledged, next: configuration_to_server}
            - {when: kind == packet::encryption_response, next: encrypted, peer: encrypted}
        login_to_client:
          then:
            - {when: kind == packet::set_compression, set: {threshold: frame.contents.packet.data.as<set_compression>.threshold.value}}
            - {when: kind == packet::login_success and _conversation.version >= 764, next: configuration_to_client}
            - {when: kind == packet::login_success, next: play_to_client, peer: play_to_server}
        configuration_to_server:
          then:
            - {when: kind == packet::acknowledge_finish_configuration, next: play_to_server}
        configuration_to_client:
          then:
            - {when: kind == packet::finish_configuration, next: play_to_client}
        play_to_server: {}
        play_to_client: {}
        encrypted: {}
types:
  handshaking:
    seq:
      - {id: frame, type: frame(0)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  status_to_server:
    seq:
      - {id: frame, type: frame(0x100)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  status_to_client:
    seq:
      - {id: frame, type: frame(0x200)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  login_to_server:
    seq:
      - {id: frame, type: frame(0x300)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  login_to_client:
    seq:
      - {id: frame, type: frame(0x400)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  configuration_to_server:
    seq:
      - {id: frame, type: frame(0x500)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  configuration_to_client:
    seq:
      - {id: frame, type: frame(0x600)}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  play_to_server:
    seq:
      - {id: frame, type: 'frame(_conversation.version == 47 ? 0x700 : _conversation.version == 765 ? 0x900 : 0xb00)'}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  play_to_client:
    seq:
      - {id: frame, type: 'frame(_conversation.version == 47 ? 0x800 : _conversation.version == 765 ? 0xa00 : 0xc00)'}
    instances:
      kind: {value: frame.contents.code, enum: packet}
  encrypted:
    doc: The bytes of one segment; without the key nothing shows where a packet ends.
    meta:
      -framescope: {segment-delimited: true, summary: '{bytes}'}
    seq:
      - {id: bytes, size-eos: true}
    instances:
      kind: {value: packet::encrypted}
  frame:
    params:
      - {id: base, type: u2, doc: Packets have numbers of their own in each state and direction; with this they differ.}
    seq:
      - {id: length, type: varint}
      - {id: contents, type: contents(base), size: length.value}
    -webide-representation: '{contents}'
  contents:
    params:
      - {id: base, type: u2}
    seq:
      - {id: data_length, type: varint, if: _conversation.threshold >= 0, doc: Bytes before compression; 0 for a packet that is too short to be compressed.}
      - {id: packet, type: packet(base), size-eos: true, if: not is_compressed}
      - {id: compressed, type: packet(base), size-eos: true, process: zlib, if: is_compressed}
    instances:
      is_compressed: {value: _conversation.threshold >= 0 and data_length.value > 0}
      code: {value: 'base + (is_compressed ? compressed.id.value : packet.id.value)'}
    -webide-representation: '{packet}{compressed}'
  packet:
    params:
      - {id: base, type: u2}
    seq:
      - {id: id, type: varint}
      - id: data
        size-eos: true
        type:
          switch-on: base + id.value
          cases:
            0x000: handshake
            0x100: nothing
            0x101: ping
            0x200: json
            0x201: ping
            0x300: login_start
            0x301: encryption_response
            0x302: login_plugin_response
            0x303: nothing
            0x400: json
            0x401: encryption_request
            0x402: login_success
            0x403: set_compression
            0x404: login_plugin_request
            0x500: client_information
            0x502: nothing
            0x602: nothing
            0x605: registry_data
            0x700: keep_alive
            0x701: json
            0x703: player
            0x704: player_position
            0x705: player_look
            0x706: player_position_and_look
            0x707: digging
            0x708: block_placement
            0x709: held_item_change_sent
            0x70a: nothing
            0x70b: entity_action
            0x710: creative_inventory_action
            0x713: player_abilities
            0x714: tab_complete
            0x715: client_settings
            0x716: client_status
            0x717: plugin_message
            0x800: keep_alive
            0x801: join_game
            0x802: chat_message
            0x803: time_update
            0x804: entity_equipment
            0x805: spawn_position
            0x806: update_health
            0x808: position_and_look
            0x809: held_item_change
            0x80b: animation
            0x80c: spawn_player
            0x813: destroy_entities
            0x815: entity_relative_move
            0x816: entity_look
            0x818: entity_teleport
            0x819: entity_head_look
            0x81a: entity_status
            0x81f: set_experience
            0x821: chunk_data
            0x823: block_change
            0x829: sound_effect
            0x82b: change_game_state
            0x82f: set_slot
            0x838: player_list_item
            0x83a: tab_completions
            0x83f: plugin_message
            0x847: player_list_header_and_footer
            0x900: confirm_teleportation
            0xa1b: disconnect
            0xa29: login
            0xa3e: synchronize_player_position
            0xa69: system_chat_message
    -webide-representation: '{data}'
  varint:
    doc: Seven bits in each byte, the lowest first; negative numbers as if they had 32 bits.
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
  text:
    seq:
      - {id: length, type: varint}
      - {id: text, type: str, size: length.value}
    -webide-representation: '{text}'
  nothing:
    doc: The packet has no more than its number.
  handshake:
    seq:
      - {id: version, type: varint}
      - {id: server_address, type: text}
      - {id: server_port, type: u2}
      - {id: next_state, type: varint, doc: '1 status, 2 login, 3 transfer.'}
    -webide-representation: '{version} {server_address}:{server_port:dec} {next_state}'
  ping:
    seq:
      - {id: payload, type: s8, doc: The reply has the same.}
    -webide-representation: '{payload:dec}'
  json:
    seq:
      - {id: json, type: text}
    -webide-representation: '{json}'
  login_start:
    seq:
      - {id: name, type: text}
      - {id: uuid, size: 16, if: _conversation.version >= 764}
      - {id: rest, size-eos: true, if: _conversation.version < 764, doc: Versions from 1.19 to 1.20.1 have a key or an identifier here.}
    -webide-representation: '{name}'
  encryption_response:
    seq:
      - {id: shared_secret, type: blob}
      - {id: verify_token, type: blob}
  login_plugin_response:
    seq:
      - {id: message_id, type: varint}
      - {id: is_understood, type: u1}
      - {id: data, size-eos: true}
    -webide-representation: '{message_id}'
  encryption_request:
    seq:
      - {id: server_id, type: text}
      - {id: public_key, type: blob}
      - {id: verify_token, type: blob}
      - {id: rest, size-eos: true}
  login_success:
    seq:
      - {id: uuid_text, type: text, if: _conversation.version < 735}
      - {id: uuid, size: 16, if: _conversation.version >= 735}
      - {id: name, type: text}
      - {id: property_count, type: varint, if: _conversation.version >= 759}
      - {id: property, type: property, if: _conversation.version >= 759, repeat: expr, repeat-expr: property_count.value}
      - {id: rest, size-eos: true}
    -webide-representation: '{name} {uuid_text}{uuid}'
  set_compression:
    seq:
      - {id: threshold, type: varint, doc: From this size on packets are compressed.}
    -webide-representation: '{threshold}'
  login_plugin_request:
    seq:
      - {id: message_id, type: varint}
      - {id: channel, type: text}
      - {id: data, size-eos: true}
    -webide-representation: '{channel}'
  client_information:
    seq:
      - {id: locale, type: text}
      - {id: view_distance, type: s1}
      - {id: chat_mode, type: varint}
      - {id: chat_colors, type: u1}
      - {id: skin_parts, type: u1}
      - {id: main_hand, type: varint}
      - {id: text_filtering, type: u1}
      - {id: server_listings, type: u1}
      - {id: rest, size-eos: true}
    -webide-representation: '{locale}'
  registry_data:
    seq:
      - {id: registries, type: nameless_nbt}
    -webide-representation: '{registries}'
  keep_alive:
    seq:
      - {id: id, type: varint}
    -webide-representation: '{id}'
  player:
    seq:
      - {id: on_ground, type: u1, valid: {max: 1}}
  player_position:
    seq:
      - {id: x, type: f8}
      - {id: y, type: f8}
      - {id: z, type: f8}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{x:dec} {y:dec} {z:dec}'
  player_look:
    seq:
      - {id: yaw, type: f4}
      - {id: pitch, type: f4}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{yaw:dec} {pitch:dec}'
  player_position_and_look:
    seq:
      - {id: x, type: f8}
      - {id: y, type: f8}
      - {id: z, type: f8}
      - {id: yaw, type: f4}
      - {id: pitch, type: f4}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{x:dec} {y:dec} {z:dec}'
  digging:
    seq:
      - {id: status, type: s1}
      - {id: location, type: position}
      - {id: face, type: s1}
    -webide-representation: '{status:dec} at {location}'
  block_placement:
    seq:
      - {id: location, type: position}
      - {id: face, type: s1}
      - {id: held_item, type: slot}
      - {id: cursor_x, type: s1}
      - {id: cursor_y, type: s1}
      - {id: cursor_z, type: s1}
    -webide-representation: '{held_item} at {location}'
  held_item_change_sent:
    seq:
      - {id: slot, type: s2}
    -webide-representation: '{slot:dec}'
  entity_action:
    seq:
      - {id: entity, type: varint}
      - {id: action, type: varint}
      - {id: jump_boost, type: varint}
    -webide-representation: '{entity} {action}'
  creative_inventory_action:
    seq:
      - {id: slot, type: s2}
      - {id: item, type: slot}
    -webide-representation: '{slot:dec}: {item}'
  player_abilities:
    seq:
      - {id: flags, type: s1}
      - {id: flying_speed, type: f4}
      - {id: walking_speed, type: f4}
    -webide-representation: '{flags:dec}'
  tab_complete:
    seq:
      - {id: text, type: text}
      - {id: has_position, type: u1}
      - {id: looked_at, type: position, if: has_position != 0}
    -webide-representation: '{text}'
  client_settings:
    seq:
      - {id: locale, type: text}
      - {id: view_distance, type: s1}
      - {id: chat_mode, type: s1}
      - {id: chat_colors, type: u1}
      - {id: skin_parts, type: u1}
    -webide-representation: '{locale}'
  client_status:
    seq:
      - {id: action, type: varint}
    -webide-representation: '{action}'
  plugin_message:
    seq:
      - {id: channel, type: text}
      - {id: data, size-eos: true}
    -webide-representation: '{channel} {data}'
  join_game:
    seq:
      - {id: entity, type: s4}
      - {id: gamemode, type: u1}
      - {id: dimension, type: s1}
      - {id: difficulty, type: u1}
      - {id: max_players, type: u1}
      - {id: level_type, type: text}
      - {id: reduced_debug_info, type: u1}
    -webide-representation: '{entity:dec} {level_type}'
  chat_message:
    seq:
      - {id: json, type: text}
      - {id: position, type: s1, doc: '0 chat, 1 system, 2 above the inventory.'}
    -webide-representation: '{json}'
  time_update:
    seq:
      - {id: world_age, type: s8}
      - {id: time_of_day, type: s8}
    -webide-representation: '{time_of_day:dec}'
  entity_equipment:
    seq:
      - {id: entity, type: varint}
      - {id: slot, type: s2}
      - {id: item, type: slot}
    -webide-representation: '{entity} {slot:dec}: {item}'
  spawn_position:
    seq:
      - {id: location, type: position}
    -webide-representation: '{location}'
  update_health:
    seq:
      - {id: health, type: f4}
      - {id: food, type: varint}
      - {id: saturation, type: f4}
    -webide-representation: '{health:dec} {food}'
  position_and_look:
    seq:
      - {id: x, type: f8}
      - {id: y, type: f8}
      - {id: z, type: f8}
      - {id: yaw, type: f4}
      - {id: pitch, type: f4}
      - {id: flags, type: s1}
    -webide-representation: '{x:dec} {y:dec} {z:dec}'
  held_item_change:
    seq:
      - {id: slot, type: s1}
    -webide-representation: '{slot:dec}'
  animation:
    seq:
      - {id: entity, type: varint}
      - {id: animation, type: u1}
    -webide-representation: '{entity} {animation:dec}'
  spawn_player:
    seq:
      - {id: entity, type: varint}
      - {id: uuid, size: 16}
      - {id: x, type: s4, doc: 'In parts of 1/32 block, like y and z.'}
      - {id: y, type: s4}
      - {id: z, type: s4}
      - {id: yaw, type: u1, doc: 'In parts of 1/256 turn, like pitch.'}
      - {id: pitch, type: u1}
      - {id: current_item, type: s2}
      - {id: metadata, type: entity_metadata, repeat: until, repeat-until: _.is_end}
    -webide-representation: '{entity} {uuid}'
  destroy_entities:
    seq:
      - {id: count, type: varint}
      - {id: entity, type: varint, repeat: expr, repeat-expr: count.value}
    -webide-representation: '{entity[0]} {entity[1]}'
  entity_relative_move:
    seq:
      - {id: entity, type: varint}
      - {id: dx, type: s1, doc: 'In parts of 1/32 block, like dy and dz.'}
      - {id: dy, type: s1}
      - {id: dz, type: s1}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{entity}: {dx:dec} {dy:dec} {dz:dec}'
  entity_look:
    seq:
      - {id: entity, type: varint}
      - {id: yaw, type: u1, doc: 'In parts of 1/256 turn, like pitch.'}
      - {id: pitch, type: u1}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{entity}: {yaw:dec} {pitch:dec}'
  entity_teleport:
    seq:
      - {id: entity, type: varint}
      - {id: x, type: s4, doc: 'In parts of 1/32 block, like y and z.'}
      - {id: y, type: s4}
      - {id: z, type: s4}
      - {id: yaw, type: u1, doc: 'In parts of 1/256 turn, like pitch.'}
      - {id: pitch, type: u1}
      - {id: on_ground, type: u1, valid: {max: 1}}
    -webide-representation: '{entity}: {x:dec} {y:dec} {z:dec}'
  entity_head_look:
    seq:
      - {id: entity, type: varint}
      - {id: yaw, type: u1}
    -webide-representation: '{entity}: {yaw:dec}'
  entity_status:
    seq:
      - {id: entity, type: s4}
      - {id: status, type: s1}
    -webide-representation: '{entity:dec}: {status:dec}'
  set_experience:
    seq:
      - {id: bar, type: f4}
      - {id: level, type: varint}
      - {id: total, type: varint}
    -webide-representation: '{level} {total}'
  chunk_data:
    seq:
      - {id: x, type: s4}
      - {id: z, type: s4}
      - {id: is_whole_column, type: u1}
      - {id: sections, type: u2, doc: A bit for each section that follows., -hex: true}
      - {id: size, type: varint}
      - {id: data, size: size.value}
    -webide-representation: '{x:dec} {z:dec} {size} bytes'
  block_change:
    seq:
      - {id: location, type: position}
      - {id: block, type: varint}
    -webide-representation: '{block} at {location}'
  sound_effect:
    seq:
      - {id: name, type: text}
      - {id: x, type: s4, doc: 'In parts of 1/8 block, like y and z.'}
      - {id: y, type: s4}
      - {id: z, type: s4}
      - {id: volume, type: f4}
      - {id: pitch, type: u1}
    -webide-representation: '{name}'
  change_game_state:
    seq:
      - {id: reason, type: u1}
      - {id: value, type: f4}
    -webide-representation: '{reason:dec} {value:dec}'
  set_slot:
    seq:
      - {id: window, type: s1}
      - {id: slot, type: s2}
      - {id: item, type: slot}
    -webide-representation: '{slot:dec}: {item}'
  player_list_item:
    seq:
      - {id: action, type: varint}
      - {id: count, type: varint}
      - {id: player, type: listed_player(action.value), repeat: expr, repeat-expr: count.value}
    -webide-representation: '{player[0]} {player[1]}'
  tab_completions:
    seq:
      - {id: count, type: varint}
      - {id: match, type: text, repeat: expr, repeat-expr: count.value}
    -webide-representation: '{match[0]} {match[1]}'
  player_list_header_and_footer:
    seq:
      - {id: header, type: text}
      - {id: footer, type: text}
    -webide-representation: '{header} {footer}'
  confirm_teleportation:
    seq:
      - {id: teleport, type: varint}
    -webide-representation: '{teleport}'
  disconnect:
    seq:
      - {id: reason, type: nameless_nbt}
    -webide-representation: '{reason}'
  login:
    seq:
      - {id: entity, type: s4}
      - {id: is_hardcore, type: u1}
      - {id: dimension_count, type: varint}
      - {id: dimension, type: text, repeat: expr, repeat-expr: dimension_count.value}
      - {id: max_players, type: varint}
      - {id: view_distance, type: varint}
      - {id: simulation_distance, type: varint}
      - {id: reduced_debug_info, type: u1}
      - {id: enable_respawn_screen, type: u1}
      - {id: do_limited_crafting, type: u1}
      - {id: dimension_type, type: text}
      - {id: dimension_name, type: text}
      - {id: hashed_seed, type: s8}
      - {id: game_mode, type: u1}
      - {id: previous_game_mode, type: s1}
      - {id: is_debug, type: u1}
      - {id: is_flat, type: u1}
      - {id: has_death_location, type: u1}
      - {id: death_dimension, type: text, if: has_death_location != 0}
      - {id: death_location, type: u8, if: has_death_location != 0}
      - {id: portal_cooldown, type: varint}
    -webide-representation: '{entity:dec} {dimension_name}'
  synchronize_player_position:
    seq:
      - {id: x, type: f8}
      - {id: y, type: f8}
      - {id: z, type: f8}
      - {id: yaw, type: f4}
      - {id: pitch, type: f4}
      - {id: flags, type: s1}
      - {id: teleport, type: varint}
    -webide-representation: '{x:dec} {y:dec} {z:dec}'
  system_chat_message:
    seq:
      - {id: content, type: nameless_nbt}
      - {id: overlay, type: u1}
    -webide-representation: '{content}'
  blob:
    seq:
      - {id: length, type: varint}
      - {id: data, size: length.value}
    -webide-representation: '{data}'
  property:
    seq:
      - {id: name, type: text}
      - {id: value, type: text}
      - {id: is_signed, type: u1}
      - {id: signature, type: text, if: is_signed != 0}
  listed_player:
    params:
      - {id: action, type: u4, doc: '0 add, 1 game mode, 2 latency, 3 display name, 4 remove.'}
    seq:
      - {id: uuid, size: 16}
      - {id: name, type: text, if: action == 0}
      - {id: property_count, type: varint, if: action == 0}
      - {id: property, type: property, if: action == 0, repeat: expr, repeat-expr: property_count.value}
      - {id: gamemode, type: varint, if: action == 0 or action == 1}
      - {id: ping, type: varint, if: action == 0 or action == 2}
      - {id: has_display_name, type: u1, if: action == 0 or action == 3}
      - {id: display_name, type: text, if: (action == 0 or action == 3) and has_display_name != 0}
    -webide-representation: '{uuid} {name}'
  position:
    doc: Of a block, before 1.14.
    seq:
      - {id: x_bits, type: b26}
      - {id: y_bits, type: b12}
      - {id: z_bits, type: b26}
    instances:
      x: {value: 'x_bits < 0x2000000 ? x_bits : x_bits - 0x4000000'}
      y: {value: 'y_bits < 0x800 ? y_bits : y_bits - 0x1000'}
      z: {value: 'z_bits < 0x2000000 ? z_bits : z_bits - 0x4000000'}
    -webide-representation: '{x:dec} {y:dec} {z:dec}'
  slot:
    seq:
      - {id: item, type: s2, doc: -1 for none.}
      - {id: count, type: s1, if: item >= 0}
      - {id: damage, type: s2, if: item >= 0}
      - {id: tag, type: nbt, if: item >= 0}
    -webide-representation: '{count:dec} of {item:dec}'
  entity_metadata:
    seq:
      - {id: type, type: b3}
      - {id: index, type: b5}
      - id: value
        if: not is_end
        type:
          switch-on: type
          cases:
            0: s1
            1: s2
            2: s4
            3: f4
            4: text
            5: slot
            6: vector_s4
            7: vector_f4
    instances:
      is_end: {value: type == 3 and index == 31}
  vector_s4:
    seq:
      - {id: x, type: s4}
      - {id: y, type: s4}
      - {id: z, type: s4}
  vector_f4:
    seq:
      - {id: x, type: f4}
      - {id: y, type: f4}
      - {id: z, type: f4}
  nbt:
    doc: A tag with a name; only a 0 if there is none.
    seq:
      - {id: type, type: u1, enum: tag}
      - {id: name, type: nbt_text, if: type != tag::end}
      - {id: value, type: nbt_value(type), if: type != tag::end}
    -webide-representation: '{name} {value}'
  nameless_nbt:
    doc: Since 1.20.2 the outermost tag has no name.
    seq:
      - {id: type, type: u1, enum: tag}
      - {id: value, type: nbt_value(type), if: type != tag::end}
    -webide-representation: '{value}'
  nbt_text:
    seq:
      - {id: length, type: u2}
      - {id: text, type: str, size: length}
    -webide-representation: '{text}'
  nbt_value:
    params:
      - {id: type, type: u1, enum: tag}
    seq:
      - id: value
        type:
          switch-on: type
          cases:
            tag::byte: s1
            tag::short: s2
            tag::int: s4
            tag::long: s8
            tag::float: f4
            tag::double: f8
            tag::byte_array: nbt_array(tag::byte)
            tag::string: nbt_text
            tag::list: nbt_list
            tag::compound: nbt_compound
            tag::int_array: nbt_array(tag::int)
            tag::long_array: nbt_array(tag::long)
    -webide-representation: '{value}'
  nbt_array:
    params:
      - {id: type, type: u1, enum: tag}
    seq:
      - {id: length, type: s4}
      - {id: value, type: nbt_value(type), repeat: expr, repeat-expr: length}
    -webide-representation: '{length:dec} numbers'
  nbt_list:
    seq:
      - {id: type, type: u1, enum: tag}
      - {id: length, type: s4}
      - {id: value, type: nbt_value(type), repeat: expr, repeat-expr: length}
    -webide-representation: '{length:dec} items'
  nbt_compound:
    seq:
      - {id: tag, type: nbt, repeat: until, repeat-until: _.type == tag::end}
    -webide-representation: '{tag[0]} {tag[1]}'
enums:
  tag:
    0: end
    1: byte
    2: short
    3: int
    4: long
    5: float
    6: double
    7: byte_array
    8: string
    9: list
    10: compound
    11: int_array
    12: long_array
  packet:
    0x000: handshake
    0x100: status_request
    0x101: ping_request
    0x200: status_response
    0x201: pong_response
    0x300: login_start
    0x301: encryption_response
    0x302: login_plugin_response
    0x303: login_acknowledged
    0x400: login_disconnect
    0x401: encryption_request
    0x402: login_success
    0x403: set_compression
    0x404: login_plugin_request
    0x500: client_information
    0x502: acknowledge_finish_configuration
    0x602: finish_configuration
    0x605: registry_data
    0x700: keep_alive_answer
    0x701: chat_sent
    0x703: player
    0x704: player_position
    0x705: player_look
    0x706: player_position_and_look
    0x707: digging
    0x708: block_placement
    0x709: held_item_change_sent
    0x70a: arm_animation
    0x70b: entity_action
    0x710: creative_inventory_action
    0x713: player_abilities
    0x714: tab_complete
    0x715: client_settings
    0x716: client_status
    0x717: plugin_message_sent
    0x800: keep_alive
    0x801: join_game
    0x802: chat_message
    0x803: time_update
    0x804: entity_equipment
    0x805: spawn_position
    0x806: update_health
    0x808: position_and_look
    0x809: held_item_change
    0x80b: animation
    0x80c: spawn_player
    0x813: destroy_entities
    0x815: entity_relative_move
    0x816: entity_look
    0x818: entity_teleport
    0x819: entity_head_look
    0x81a: entity_status
    0x81f: set_experience
    0x821: chunk_data
    0x823: block_change
    0x829: sound_effect
    0x82b: change_game_state
    0x82f: set_slot
    0x838: player_list_item
    0x83a: tab_completions
    0x83f: plugin_message
    0x847: player_list_header_and_footer
    0x900: confirm_teleportation
    0xa1b: disconnect
    0xa29: login
    0xa3e: synchronize_player_position
    0xa69: system_chat_message
    0xfff: encrypted
