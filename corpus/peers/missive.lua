-- Missive for Wireshark and tshark, as such a dissector usually is written: the length is believed, no check is
-- computed. What Framescope is measured against:
--     tshark -X lua_script:missive.lua -r capture.pcapng -Y missive
local missive = Proto("missive", "Missive")
local kinds = { [1] = "LOGIN", [2] = "LOGOUT", [3] = "DATA", [4] = "ACK", [5] = "ERROR", [6] = "PING", [7] = "PONG" }
local f = {
    magic = ProtoField.uint16("missive.magic", "magic", base.HEX),
    version = ProtoField.uint8("missive.version", "version"),
    kind = ProtoField.uint8("missive.kind", "kind", base.DEC, kinds),
    flags = ProtoField.uint16("missive.flags", "flags", base.HEX),
    extensions_length = ProtoField.uint16("missive.extensions_length", "extensions_length"),
    payload_length = ProtoField.uint32("missive.payload_length", "payload_length"),
    sequence = ProtoField.uint32("missive.sequence", "sequence"),
    channel = ProtoField.uint16("missive.channel", "channel"),
    header_check = ProtoField.uint16("missive.header_check", "header_check", base.HEX),
    payload = ProtoField.bytes("missive.payload", "payload"),
}
missive.fields = f

local function length(tvb, _, offset)
    local flags = tvb(offset + 4, 2):uint()
    local total = 20 + tvb(offset + 6, 2):uint() + tvb(offset + 8, 4):uint()
    if bit32.band(flags, 2) ~= 0 then total = total + 16 end
    if bit32.band(flags, 1) ~= 0 then total = total + 4 end
    return total
end

local function dissect(tvb, pinfo, tree)
    if tvb(0, 2):uint() ~= 0xF54D then return 0 end
    pinfo.cols.protocol = "Missive"
    local item = tree:add(missive, tvb())
    item:add(f.magic, tvb(0, 2))
    item:add(f.version, tvb(2, 1))
    item:add(f.kind, tvb(3, 1))
    item:add(f.flags, tvb(4, 2))
    item:add(f.extensions_length, tvb(6, 2))
    item:add(f.payload_length, tvb(8, 4))
    item:add(f.sequence, tvb(12, 4))
    item:add(f.channel, tvb(16, 2))
    item:add(f.header_check, tvb(18, 2))
    local begin = 20 + tvb(6, 2):uint()
    item:add(f.payload, tvb(begin, tvb(8, 4):uint()))
    return tvb:len()
end

function missive.dissector(tvb, pinfo, tree)
    dissect_tcp_pdus(tvb, tree, 20, length, dissect)
    return tvb:len()
end
DissectorTable.get("tcp.port"):add(9000, missive)
