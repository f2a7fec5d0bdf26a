-- The framings of tests/tests/damage.rs for Wireshark and tshark, as such dissectors usually are written: each length is
-- believed. Named framing0 to framing4; what Framescope is measured against:
--     tshark -X lua_script:framings.lua -d tcp.port==9000,framing2 -r capture.pcap -T fields -e framing.length
local length_field = ProtoField.uint32("framing.length", "length")

-- Bytes that are needed to tell a message's length, and the length; nil where more are needed.
local framings = {
    [0] = { 20, function(tvb, at)
        local flags = tvb(at + 4, 2):uint()
        local total = 20 + tvb(at + 6, 2):uint() + tvb(at + 8, 4):uint()
        if bit32.band(flags, 2) ~= 0 then total = total + 16 end
        if bit32.band(flags, 1) ~= 0 then total = total + 4 end
        return total
    end },
    [1] = { 5, function(tvb, at) return 5 + tvb(at + 1, 4):uint() end },
    [2] = { 3, function(tvb, at) return 3 + tvb(at + 1, 2):uint() end },
    [3] = { 1, function(tvb, at)
        local value, shift = 0, 0
        for i = at, math.min(at + 3, tvb:len() - 1) do
            local byte = tvb(i, 1):uint()
            value = value + bit32.lshift(bit32.band(byte, 127), shift)
            shift = shift + 7
            if byte < 128 then return i - at + 1 + value end
        end
        return nil
    end },
    [4] = { 1, function(tvb, at)
        for i = at, tvb:len() - 1 do
            if tvb(i, 1):uint() == 10 then return i - at + 1 end
        end
        return nil
    end },
}

for number, framing in pairs(framings) do
    local proto = Proto("framing" .. number, "Framing " .. number)
    if number == 0 then proto.fields = { length_field } end
    function proto.dissector(tvb, pinfo, tree)
        local at = 0
        while at < tvb:len() do
            local left = tvb:len() - at
            local total = left >= framing[1] and framing[2](tvb, at) or nil
            if number == 0 and left >= 2 and tvb(at, 2):uint() ~= 0xF54D then return at end
            if total == nil or total > left then
                pinfo.desegment_offset = at
                pinfo.desegment_len = total and total - left or DESEGMENT_ONE_MORE_SEGMENT
                return tvb:len()
            end
            tree:add(length_field, tvb(at, math.min(total, 4)), total)
            at = at + total
        end
        return at
    end
    DissectorTable.get("tcp.port"):add_for_decode_as(proto)
end
